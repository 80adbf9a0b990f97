"""The refresh token in a cookie, in a real browser."""

import pytest
from playwright.sync_api import Page

from tests.browser.desk import Desk

pytestmark = pytest.mark.xdist_group("product")

ASK = """async ([path, body]) => {
  const reply = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return [reply.status, await reply.json().catch(() => ({}))];
}"""


def test_a_browser_keeps_the_cookie_sends_it_and_shows_it_to_no_script(page: Page, desk: Desk) -> None:
    page.goto("/console")
    login = {"username": desk.username, "password": desk.password, "cookie": True}

    status, entered = page.evaluate(ASK, ["/auth/login", login])
    renewed = [page.evaluate(ASK, ["/auth/refresh", {}]) for _ in range(2)]

    assert status == 200
    assert "refresh_token" not in entered
    assert [answer[0] for answer in renewed] == [200, 200]
    assert renewed[0][1]["access_token"] != renewed[1][1]["access_token"]
    assert page.evaluate("document.cookie") == ""
    kept = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert kept.keys() == {"__Host-refresh", "__Host-versant-devices"}
    for cookie in kept.values():
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
