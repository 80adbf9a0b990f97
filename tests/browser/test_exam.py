"""A whole exam: published in the console, begun by a student, extended live, submitted, scored."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect
from pymongo import MongoClient

from startup_scripts.local_environment import running
from tests.browser.desk import PASSWORD, Desk, figure, headed, log_in
from tests.questions import SINGLE
from tests.servers import Server

pytestmark = pytest.mark.xdist_group("product")

PATIENCE = 30.0


class Sitter:
    """A student as their own client sees the server."""

    def __init__(self, desk: Desk, address: str) -> None:
        token = link_to(desk, address)
        self.url, self.http = desk.url, requests.Session()
        self.call("POST", "/auth/activate", {"token": token, "new_password": PASSWORD})
        door = {"username": address.partition("@")[0], "password": PASSWORD}
        login = self.call("POST", "/auth/login", door)
        self.http.headers["Authorization"] = f"Bearer {login['access_token']}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        reply = self.http.request(method, self.url + path, json=body, timeout=PATIENCE)
        assert reply.ok, (method, path, reply.status_code, reply.text)
        return reply.json() if reply.content else None

    def save(self, attempt: Any, seq: int, option: str) -> Any:
        """Answer the first question and return the acknowledgement."""
        answer = {"slot": "1", "seq": seq, "response": {"option": option}}
        return self.call("PUT", f"/student/attempts/{attempt['id']}/answers", {"answers": [answer]})


def link_to(desk: Desk, address: str) -> str:
    """Return the token of the link in the newest message to an address."""
    page = desk.call("GET", "/email_management/outbox?limit=200")
    text = next(item["text"] for item in page["items"] if item["to"] == address)
    found = re.search(r"token=([a-z0-9]+)", text)
    assert found is not None
    return found.group(1)


def publish(page: Page, batch: Any) -> str:
    """Plan an exam of one question for a batch in the console and publish it; return its id."""
    page.get_by_text("Plan a test").click()
    page.get_by_label("Name").fill("Final exam")
    page.get_by_label("Campus", exact=True).select_option(batch["campus_id"])
    page.get_by_label(batch["name"]).check()
    page.get_by_label("Module").select_option("GRAMMAR")
    page.get_by_label("Which of these is right?").check()
    page.get_by_role("button", name="Plan the test").click()
    headed(page, "Final exam")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Open", exact=True)).to_be_visible()
    return page.url.rpartition("/")[2]


def later_by(before: str, after: str) -> float:
    return (datetime.fromisoformat(after) - datetime.fromisoformat(before)).total_seconds()


def score_of(server: Server, attempt_id: str) -> tuple[str, str, str]:
    """Return what is stored of an attempt's result: its state, the score and the most there was."""
    with MongoClient[dict[str, Any]](running(server.data_dir)["MONGODB_URI"]) as client:
        found = client.get_default_database()["test_results"].find_one({"_id": attempt_id})
    assert found is not None
    return found["state"], str(found["score"]), str(found["max_score"])


def test_a_whole_exam_is_watched_and_directed_from_the_console(
    page: Page, desk: Desk, server: Server, picture: Callable[..., None]
) -> None:
    batch = desk.batch()
    lines = (
        "CSE,EX1,Asha Rao,,ex1@example.com",
        "CSE,EX2,Ravi Nair,,ex2@example.com",
    )
    desk.commit(desk.upload(batch["id"], *lines), "email")
    desk.call("POST", "/question_bank/questions", json=SINGLE | {"stem": "Which of these is right?"})
    sitter = Sitter(desk, "ex1@example.com")
    log_in(page, desk.username, desk.password, "/console#/tests")
    test_id = publish(page, batch)
    page.get_by_role("link", name="Watch it in the exam room").click()
    headed(page, "Final exam")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(figure(page, "not_started")).to_have_text("2")

    attempt = sitter.call("POST", f"/student/tests/{test_id}/attempts")
    right = next(
        option["id"]
        for option in attempt["paper"]["sections"][0]["slots"][0]["body"]["options"]
        if option["text"] == "Option b"
    )
    before = sitter.save(attempt, 1, right)
    expect(figure(page, "active")).to_have_text("1")
    expect(page.get_by_role("row", name="Asha Rao")).to_contain_text("Working")
    picture(page, "exam-1-begun", whole=True)

    page.get_by_text("Give more time", exact=True).click()
    panel = page.locator("details", has_text="Give more time")
    panel.get_by_label("Minutes").fill("10")
    panel.get_by_label("Reason").fill("A power cut in hall 2")
    panel.get_by_role("button", name="Give the time").click()
    expect(page.get_by_role("row", name="A power cut in hall 2")).to_contain_text("1 attempt")
    after = sitter.save(attempt, 2, right)
    assert later_by(before["deadline"], after["deadline"]) == 600
    expect(page.get_by_role("row", name="Asha Rao")).to_contain_text("10 min")

    page.get_by_role("button", name="Asha Rao").click()
    expect(page.get_by_role("dialog", name="Asha Rao")).to_be_visible()
    picture(page, "exam-2-student")
    page.keyboard.press("Escape")
    done = sitter.call("POST", f"/student/attempts/{attempt['id']}/submit")
    expect(figure(page, "submitted")).to_have_text("1")
    expect(page.get_by_role("row", name="Asha Rao")).to_contain_text("Submitted")
    picture(page, "exam-3-submitted", whole=True)

    assert (done["state"], done["result"]) == ("submitted", None)  # nothing of it before it is released
    assert score_of(server, attempt["id"]) == ("scored", "1", "1")
