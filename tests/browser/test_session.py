"""Signing in, staying in, getting out."""

import time
from typing import Any

import pyotp
import pytest
import requests
from playwright.sync_api import Page, Request, Route, expect

from services.accounts.principals import REMEMBERED_SECONDS
from tests.browser.desk import Desk, headed, log_in

pytestmark = pytest.mark.xdist_group("product")

PROBLEM = "application/problem+json"


def refuse_first_token(page: Page, calls: list[str]) -> None:
    """Answer 401 to the access token that is seen first, as if it had run out; note what is called."""
    first: list[str | None] = []

    def answer(route: Route, request: Request) -> None:
        token = request.headers.get("authorization")
        first[:] = first or [token]
        calls.append(request.url)
        if token == first[0]:
            route.fulfill(status=401, content_type=PROBLEM, body='{"title": "Authentication is required"}')
        else:
            route.continue_()

    page.route("**/batch_processing/jobs*", answer)
    page.route("**/student_management/imports*", answer)


def test_a_wrong_password_is_said_in_a_sentence(page: Page, desk: Desk) -> None:
    page.goto("/console")
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type(desk.username)
    page.keyboard.press("Tab")
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert").first).to_have_text("The username or the password is wrong.")
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_label("Password")).to_be_focused()


def test_an_account_with_a_second_factor_is_asked_for_its_code(page: Page, desk: Desk) -> None:
    desk.call("POST", "/auth/confirm", json={"password": desk.password})
    totp = pyotp.TOTP(desk.call("POST", "/auth/totp/begin")["secret"])
    codes = desk.call("POST", "/auth/totp/confirm", json={"code": totp.now()})["recovery_codes"]
    try:
        page.goto("/console")
        expect(page.get_by_label("Code")).to_be_hidden()
        page.get_by_label("Username").fill(desk.username)
        page.get_by_label("Password").fill(desk.password)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert").first).to_have_text("A code of your second factor is needed.")
        expect(page.get_by_label("Code")).to_be_focused()

        page.keyboard.type(totp.at(time.time(), counter_offset=1))
        page.keyboard.press("Enter")

        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    finally:
        desk.call("DELETE", "/auth/totp", json={"code": codes[0]})


def test_the_access_token_is_in_memory_only_and_a_reload_stays_in_the_room(page: Page, desk: Desk) -> None:
    log_in(page, desk.username, desk.password)
    page.get_by_role("navigation").get_by_role("link", name="Jobs").click()
    headed(page, "Jobs")

    kept = page.evaluate("[Object.keys(localStorage), Object.keys(sessionStorage), document.cookie]")
    page.reload()

    assert kept == [[], ["refresh_token"], ""]
    headed(page, "Jobs")
    expect(page).to_have_title("Jobs – VERSANT")  # noqa: RUF001


def test_a_token_that_ran_out_is_renewed_once_for_all_who_need_it(page: Page, desk: Desk) -> None:
    log_in(page, desk.username, desk.password)
    calls: list[str] = []
    page.get_by_role("navigation").get_by_role("link", name="Outbox").click()
    headed(page, "Outbox")
    refuse_first_token(page, calls)
    page.on("request", lambda request: calls.append(request.url) if "/auth/" in request.url else None)

    page.get_by_role("navigation").get_by_role("link", name="Overview").click()

    expect(page.locator(".columns [aria-busy]")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(0)
    assert calls.count(f"{desk.url}/auth/refresh") == 1
    assert len(calls) == 5  # two lists, each refused once and then answered


def test_a_session_that_was_ended_elsewhere_leads_to_the_login_and_back(page: Page, desk: Desk) -> None:
    tokens: list[str] = []
    page.on("request", lambda request: tokens.extend(request.headers.get("authorization", "").split()[1:]))
    log_in(page, desk.username, desk.password)
    headed(page, "Welcome, Superadmin")
    authorised = {"Authorization": f"Bearer {tokens[-1]}"}
    ended = requests.post(f"{desk.url}/auth/logout", headers=authorised, timeout=10)
    assert ended.status_code == 204
    page.wait_for_timeout(REMEMBERED_SECONDS * 1000)  # the other process may remember the session so long

    page.get_by_role("navigation").get_by_role("link", name="Students").click()
    expect(page.get_by_text("Your session has ended. Please log in again.")).to_be_visible()
    page.get_by_label("Username").fill(desk.username)
    page.get_by_label("Password").fill(desk.password)
    page.get_by_role("button", name="Log in").click()

    headed(page, "Students")


def test_signing_out_ends_the_session_and_forgets_it(page: Page, desk: Desk) -> None:
    log_in(page, desk.username, desk.password)
    with page.expect_response("**/auth/logout") as answer:
        page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert answer.value.status == 204
    assert page.evaluate("sessionStorage.length") == 0
    page.goto("/console#/jobs")
    headed(page, "Log in")


def test_who_must_change_the_password_sees_nothing_else_before(page: Page, desk: Desk) -> None:
    changed: list[Any] = []

    def me(route: Route) -> None:
        reply = route.fetch()
        route.fulfill(response=reply, json=reply.json() | {"must_change_password": not changed})

    def change(route: Route, request: Request) -> None:
        changed.append(request.post_data_json)
        route.fulfill(status=204)

    page.route("**/auth/me", me)
    log_in(page, desk.username, desk.password)
    headed(page, "Change your password")
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(0)
    page.goto("/console#/jobs")
    headed(page, "Change your password")

    page.get_by_label("Current password").fill("not the password")
    page.get_by_label("New password", exact=True).fill("three quiet rivers 9")
    page.get_by_label("The new password again").fill("three quiet rivers 8")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("The new password again is not the same as the new password.")).to_be_visible()
    page.get_by_label("The new password again").fill("three quiet rivers 9")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Current password is not your password.")).to_be_visible()
    expect(page.get_by_label("Current password")).to_be_focused()

    page.route("**/auth/change_password", change)
    page.get_by_label("Current password").fill(desk.password)
    page.get_by_role("button", name="Change password").click()
    headed(page, "Welcome, Superadmin")
    assert changed == [{"current_password": desk.password, "new_password": "three quiet rivers 9"}]


def test_a_forgotten_password_is_asked_for_without_telling_who_exists(page: Page) -> None:
    page.goto("/console")
    page.get_by_role("link", name="Forgotten your password?").click()
    headed(page, "Set a new password")
    page.get_by_label("Username, mobile number or email address").fill("nobody at all")
    page.get_by_role("button", name="Send me a link").click()

    expect(page.get_by_role("status").filter(has_text="If there is an account")).to_be_focused()


def test_a_server_that_does_not_answer_is_said_and_can_be_tried_again(page: Page, desk: Desk) -> None:
    log_in(page, desk.username, desk.password)
    page.route(
        "**/batch_processing/jobs*",
        lambda route: route.fulfill(
            status=503,
            headers={"Retry-After": "2"},
            content_type=PROBLEM,
            body='{"title": "A dependency is not available"}',
        ),
    )
    page.get_by_role("navigation").get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("alert")).to_contain_text(
        "A dependency is not available. Please try again in 2 s."
    )

    page.unroute("**/batch_processing/jobs*")
    page.get_by_role("button", name="Try again").click()

    expect(page.get_by_role("alert")).to_have_count(0)
