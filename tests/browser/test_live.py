"""Progress as it happens: over a socket, over another after it broke, and without any."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, WebSocketRoute, expect

from tests.browser.desk import Desk, figure, headed, log_in

pytestmark = pytest.mark.xdist_group("product")

SOCKETS = "**/socket.io/**"


class Wire:
    """The page's sockets, which a test can listen to and cut."""

    def __init__(self, page: Page) -> None:
        self.sent: list[str] = []
        self.open: list[WebSocketRoute] = []
        page.route_web_socket(SOCKETS, self._pass_on)

    def _pass_on(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        self.open.append(socket)

        def hear(message: str | bytes) -> None:
            self.sent.append(str(message))
            server.send(message)

        socket.on_message(hear)

    def cut(self) -> None:
        """Break the newest socket."""
        self.open[-1].close(code=1011)

    def said(self, word: str) -> int:
        """Return how often the page has sent an event."""
        return sum(f'["{word}"' in message for message in self.sent)


def test_without_a_socket_the_page_asks_every_two_seconds(page: Page, desk: Desk) -> None:
    page.route_web_socket(SOCKETS, lambda socket: socket.close(code=1011))
    preview = desk.upload(desk.batch()["id"], "CSE,L1,Asha Rao,,asha@example.com")
    log_in(page, desk.username, desk.password, f"/console#/imports/{preview['id']}")
    expect(page.get_by_text("Every 2 seconds", exact=True)).to_be_visible()

    desk.commit(preview, "email")

    expect(page.get_by_text("Applied", exact=True)).to_be_visible()
    page.get_by_role("link", name="Watch the messages go out").click()
    expect(page.get_by_text("Completed", exact=True)).to_be_visible()
    expect(figure(page, "delivered")).to_have_text("1")


def test_after_a_break_the_page_watches_again(page: Page, desk: Desk) -> None:
    wire = Wire(page)
    preview = desk.upload(desk.batch()["id"], "CSE,L2,Asha Rao,,asha@example.com")
    log_in(page, desk.username, desk.password, f"/console#/imports/{preview['id']}")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    assert wire.said("watch") == 1

    with page.expect_websocket():
        wire.cut()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    desk.commit(preview)

    expect(page.get_by_text("Applied", exact=True)).to_be_visible()
    assert wire.said("watch") >= 2


def test_a_renewed_token_is_shown_to_the_socket(page: Page, desk: Desk) -> None:
    wire = Wire(page)
    first: list[Any] = []

    def run_out(route: Route, request: Request) -> None:
        token = request.headers.get("authorization")
        first[:] = first or [token]
        if token == first[0]:
            route.fulfill(status=401, content_type="application/problem+json", body="{}")
        else:
            route.continue_()

    preview = desk.upload(desk.batch()["id"], "CSE,L3,Asha Rao,,asha@example.com")
    log_in(page, desk.username, desk.password, f"/console#/imports/{preview['id']}")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.route("**/rows*", run_out)
    with page.expect_response("**/auth/refresh") as renewed:
        page.get_by_role("tab", name="Same 0").click()
    expect(page.get_by_text("No student stays as they are.")).to_be_visible()

    token = renewed.value.json()["access_token"]
    shown = [message for message in wire.sent if '["authenticate"' in message]
    assert [json.loads(message.lstrip("0123456789"))[1]["token"] for message in shown] == [token]
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


def test_leaving_the_room_closes_the_socket(page: Page, desk: Desk) -> None:
    preview = desk.upload(desk.batch()["id"], "CSE,L4,Asha Rao,,asha@example.com")
    with page.expect_websocket() as opened:
        log_in(page, desk.username, desk.password, f"/console#/imports/{preview['id']}")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()

    with opened.value.expect_event("close"):
        page.get_by_role("navigation").get_by_role("link", name="Jobs").click()
    headed(page, "Jobs")


def test_people_hear_of_the_end_and_not_of_every_step(page: Page, desk: Desk) -> None:
    preview = desk.upload(desk.batch()["id"], *(f"CSE,H{n},Asha Rao,,h{n}@example.com" for n in range(40)))
    log_in(page, desk.username, desk.password, f"/console#/imports/{preview['id']}")
    heard = page.evaluate_handle(
        """() => {
            const heard = [];
            const ear = new MutationObserver(() => heard.push(announcer.textContent));
            const announcer = document.getElementById("announcer");
            ear.observe(announcer, { childList: true });
            return heard;
        }"""
    )
    page.get_by_role("button", name="Commit: add 40 students").click()
    expect(page.get_by_text("Applied", exact=True)).to_be_visible()
    page.get_by_role("link", name="Watch the messages go out").click()
    expect(page.get_by_text("Completed", exact=True)).to_be_visible()

    said = heard.json_value()
    assert "Applied: 40 new, 0 changed." in said
    assert len(said) <= 8
