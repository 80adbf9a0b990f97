"""Every room, in light and dark, wide and narrow: nothing overflows, and axe finds no barrier."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import Desk, figure, headed, log_in

pytestmark = pytest.mark.xdist_group("product")

AXE = Path(__file__).with_name("vendor") / "axe.min.js"
WIDE = {"width": 1280, "height": 860}
NARROW = {"width": 360, "height": 780}
# Both palettes and both layouts, in half the time that every combination takes
LOOKS: dict[str, dict[str, Any]] = {
    "wide-light": {"viewport": WIDE, "color_scheme": "light"},
    "narrow-dark": {"viewport": NARROW, "color_scheme": "dark", "reduced_motion": "reduce"},
}


@pytest.fixture(scope="module")
def import_id(desk: Desk) -> str:
    """An import with rows of every kind: somebody without any address was told as well as could be."""
    batch = desk.batch()
    batch_id = batch["id"]
    known = ("CSE,A1,Asha Rao,9812300011,asha@example.com", "CSE,A2,مریم صدیقی,,maryam@example.com")
    desk.commit(desk.upload(batch_id, *known, "CSE,A3,Ravi Nair,,"), "email", "sms")
    desk.exam(batch)
    lines = (
        "CSE,A1,Asha Rao-Menon,9812300011,asha.rao-menon@example.com",
        known[1],
        "CSE,A4,Venkatanarasimharajuvaripeta Iyer,9812300014,somebody.with.a.long.name@students.example.com",
        "CSE,A5,Esha Das,not a number,esha@example.com",
        "MBA,A6,Om Puri,9812300016,",
    )
    return str(desk.upload(batch_id, *lines)["id"])


@pytest.mark.parametrize("name", LOOKS)
def test_every_room_is_fit_to_be_seen(
    opened: Callable[..., Page],
    desk: Desk,
    import_id: str,
    picture: Callable[..., None],
    name: str,
) -> None:
    page = opened(**LOOKS[name])
    narrow = LOOKS[name]["viewport"] is NARROW
    for number, room in enumerate(tour(page, desk, import_id), start=1):
        expect(page.locator("[aria-busy]")).to_have_count(0)
        picture(page, f"{name}-{number:02}-{room}", whole=narrow)
        assert overflow(page) == [], room
        assert barriers(page) == [], room


def tour(page: Page, desk: Desk, import_id: str) -> Iterator[str]:
    """Go from room to room; yield the name of each when it is there."""
    page.goto("/console")
    headed(page, "Log in")
    yield "login"
    page.goto("/console#/forgotten")
    headed(page, "Set a new password")
    yield "forgotten"
    log_in(page, desk.username, desk.password, "/console#/home")
    headed(page, "Welcome, Superadmin")
    yield "home"
    for room, title in (
        ("organisation", "Organisation"),
        ("students", "Students"),
        ("imports", "Imports"),
        ("tests", "Tests"),
        ("jobs", "Jobs"),
        ("dead_letters", "What was given up"),
        ("exams", "Exam room"),
        ("templates", "Texts of messages"),
        ("operations", "Operations"),
        ("audit", "Audit log"),
        ("outbox", "Outbox"),
        ("password", "Change your password"),
    ):
        page.goto(f"/console#/{room}")
        headed(page, title)
        yield room
    page.goto("/console#/organisation")
    page.get_by_text("Add a campus").click()
    page.get_by_role("link", name="Campus").last.click()
    expect(page.get_by_role("heading", name="Batches")).to_be_visible()
    yield "campus"
    yield from through_an_import(page, import_id)
    yield from through_a_job(page)
    yield from through_an_exam(page)
    yield from through_a_message(page)
    yield from through_texts(page)


def through_an_import(page: Page, import_id: str) -> Iterator[str]:
    page.goto(f"/console#/imports/{import_id}")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    yield "import-new"
    page.get_by_role("tab", name="Changed").click()
    yield "import-changed"
    page.get_by_role("tab", name="Errors").click()
    yield "import-errors"


def through_a_job(page: Page) -> Iterator[str]:
    page.goto("/console#/jobs")
    page.get_by_role("link", name="Credentials, 6 messages").first.click()
    expect(page.get_by_text("Completed", exact=True)).to_be_visible()
    expect(figure(page, "delivered")).to_have_text("3")
    expect(page.get_by_role("row", name="Ravi Nair").first).to_be_visible()
    yield "job"
    page.get_by_role("button", name="Ravi Nair").first.click()
    expect(page.get_by_role("dialog").get_by_text("no email address").first).to_be_visible()
    yield "history"
    page.keyboard.press("Escape")


def through_an_exam(page: Page) -> Iterator[str]:
    page.goto("/console#/exams")
    page.get_by_role("link", name="Entrance exam").first.click()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.get_by_text("Give back what an outage has cost").click()
    expect(page.get_by_role("row", name="Asha Rao").first).to_be_visible()
    yield "exam"
    page.get_by_role("button", name="Asha Rao").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Has not begun.")
    yield "exam-student"
    page.keyboard.press("Escape")


def through_texts(page: Page) -> Iterator[str]:
    for channel in ("email", "sms"):
        page.goto(f"/console#/templates/{channel}/credentials")
        page.get_by_role("button", name="Preview").click()
        expect(page.locator(".preview .text, .preview iframe").first).to_be_visible()
        yield f"text-{channel}"


def through_a_message(page: Page) -> Iterator[str]:
    page.goto("/console#/outbox")
    page.get_by_label("Channel").select_option("Email")
    page.get_by_role("button", name="set your password").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    yield "message"
    page.get_by_role("tab", name="As an email").click()
    expect(page.frame_locator("iframe").get_by_role("heading")).to_be_visible()
    yield "letter"


def overflow(page: Page) -> Any:
    """Return the elements that stick out at the side."""
    return page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter((one) => !one.closest(".unseen, .skip, thead") && one.checkVisibility())
            .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
            .map((one) => one.outerHTML.slice(0, 120))"""
    )


def barriers(page: Page) -> Any:
    """Return what axe finds wrong."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    return page.evaluate(
        """async () => (await axe.run(document, { iframes: false, resultTypes: ["violations"] })).violations
            .map((found) => [found.id, ...found.nodes.map((node) => node.html)])"""
    )


def test_the_whole_way_in_goes_without_a_mouse(page: Page, desk: Desk) -> None:
    page.goto("/console")
    headed(page, "Log in")
    page.keyboard.type(desk.username)
    page.keyboard.press("Tab")
    page.keyboard.type(desk.password)
    page.keyboard.press("Enter")
    expect(headed(page, "Welcome, Superadmin")).to_be_focused()

    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Sign out")).to_be_focused()
    link = page.get_by_role("navigation").get_by_role("link", name="Jobs")
    link.focus()
    page.keyboard.press("Enter")
    expect(headed(page, "Jobs")).to_be_focused()
    expect(link).to_have_attribute("aria-current", "page")


def test_arrow_keys_move_between_tabs(page: Page, desk: Desk, import_id: str) -> None:
    log_in(page, desk.username, desk.password, f"/console#/imports/{import_id}")
    page.get_by_role("tab", name="New").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Changed")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Changed")).to_contain_text("Asha Rao-Menon")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="Errors")).to_have_attribute("aria-selected", "true")


def test_a_message_is_closed_by_escape_and_the_focus_returns(page: Page, desk: Desk, import_id: str) -> None:
    log_in(page, desk.username, desk.password, "/console#/outbox")
    message = page.get_by_role("button", name="set your password").first
    message.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(message).to_be_focused()


def test_a_hostile_message_runs_nothing_and_loads_nothing(
    page: Page, desk: Desk, tolerated: list[str]
) -> None:
    tolerated.append("Executing inline event handler violates")  # that is: it was not executed
    html = (
        "<p>Hello</p><script>top.document.title = 'taken'</script><img src='/nowhere' onerror='alert(1)'>"
        "<a href='javascript:alert(1)' onclick='alert(2)'>one</a><a href='https://a.example/'>two</a>"
        "<iframe src='/console'></iframe><form action='/x'><input></form>"
    )
    item = {"delivery_id": "d1", "channel": "email", "to": "a@example.com", "subject": "<i>Hi</i>"}
    item |= {"text": "<b>plain</b>", "html": html, "sent_at": "2026-01-02T03:04:05Z"}
    page.route(
        "**/email_management/outbox*",
        lambda route: route.fulfill(json={"items": [item], "next_before": None}),
    )
    log_in(page, desk.username, desk.password, "/console#/outbox")
    page.get_by_role("button", name="<i>Hi</i>").click()
    expect(page.get_by_role("dialog")).to_contain_text("<b>plain</b>")
    page.get_by_role("tab", name="As an email").click()

    letter = page.frame_locator("iframe").locator("body")
    expect(letter).to_have_text("Helloonetwo")
    assert letter.evaluate("body => body.innerHTML") == (
        '<p>Hello</p><a>one</a><a href="https://a.example/" target="_blank" rel="noopener noreferrer">two</a>'
    )
    expect(page).to_have_title("Outbox – VERSANT")  # noqa: RUF001


def test_where_messages_really_leave_the_outbox_says_so(page: Page, desk: Desk) -> None:
    problem = '{"title": "No such resource", "status": 404}'
    page.route("**/email_management/outbox*", lambda route: route.fulfill(status=404, body=problem))
    log_in(page, desk.username, desk.password, "/console#/outbox")

    expect(page.get_by_role("alert")).to_contain_text("There is no outbox here: messages really leave")
