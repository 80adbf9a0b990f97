"""Uploads: the difference before anything is written, and errors beside what they are about."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.desk import Desk, figure, headed, log_in, roster

pytestmark = pytest.mark.xdist_group("product")

KNOWN = ("CSE,D1,Asha Rao,9812300001,asha@example.com", "CSE,D2,Ravi Nair,9812300002,ravi@example.com")


def chosen(*lines: str, name: str = "roster.csv") -> dict[str, str | bytes]:
    """Return a roster as a file input takes it."""
    filename, content, kind = roster(*lines, name=name)
    return {"name": filename, "mimeType": kind, "buffer": content}


def test_the_difference_is_shown_row_by_row_and_bad_rows_come_back(page: Page, desk: Desk) -> None:
    batch = desk.batch()
    desk.commit(desk.upload(batch["id"], *KNOWN))
    log_in(page, desk.username, desk.password, f"/console#/imports?batch_id={batch['id']}")
    bad = "CSE,D4,Esha Das,not a number,esha@example.com"
    changed = "CSE,D1,Asha Rao-Menon,9812300001,asha@example.com"
    lines = (changed, KNOWN[1], "CSE,D3,<b>Meera</b> Iyer,9812300003,", bad)
    page.get_by_label("Roster file").set_input_files(chosen(*lines))  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload and compare").click()

    expect(figure(page, "total")).to_have_text("4")
    page.get_by_role("tab", name="Changed 1").click()
    expect(page.get_by_role("row").last).to_contain_text("Asha Rao becomes → Asha Rao-Menon")
    page.get_by_role("tab", name="Same 1").click()
    expect(page.get_by_role("row").last).to_contain_text("Ravi Nair")
    page.get_by_role("tab", name="Errors").click()
    expect(page.get_by_role("row", name="Esha Das")).to_contain_text("Mobile Number")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the rows with errors").click()
    assert "Esha Das" in Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert download.value.suggested_filename.startswith("errors-")

    page.get_by_role("button", name="Commit").click()
    expect(page.get_by_text("Applied", exact=True)).to_be_visible()
    expect(page.get_by_text("student changed.")).to_be_visible()


def test_a_missing_file_is_said_beside_its_field(page: Page, desk: Desk) -> None:
    desk.batch()
    log_in(page, desk.username, desk.password, "/console#/imports")
    page.get_by_role("button", name="Upload and compare").click()

    field = page.get_by_label("Roster file")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(
        "CSV or Excel (.xlsx), up to 10 MB and 20,000 rows. Roster file is missing: choose a file."
    )


def test_what_the_server_finds_wrong_is_said_beside_its_field(page: Page, desk: Desk) -> None:
    desk.batch()
    log_in(page, desk.username, desk.password, "/console#/imports")
    page.get_by_label("Roster file").set_input_files(chosen(*KNOWN, name="roster.pdf"))  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload and compare").click()

    expect(page.get_by_text("Roster file must be a .csv or .xlsx file.")).to_be_visible()
    expect(page.get_by_label("Roster file")).to_be_focused()


def test_a_file_that_cannot_be_used_says_why(page: Page, desk: Desk) -> None:
    desk.batch()
    log_in(page, desk.username, desk.password, "/console#/imports")
    nonsense = {"name": "<img src=x>.csv", "mimeType": "text/csv", "buffer": b"one,two\n1,2\n"}
    page.get_by_label("Roster file").set_input_files(nonsense)  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload and compare").click()

    headed(page, "Import")
    expect(page.get_by_text("<img src=x>.csv")).to_be_visible()
    expect(page.get_by_text("Failed", exact=True)).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="Roll Number")).to_be_visible()


def test_an_upload_whose_answer_was_lost_is_repeated_under_the_same_key(page: Page, desk: Desk) -> None:
    keys: list[str | None] = []

    def lose_the_first(route: Route, request: Request) -> None:
        if request.method != "POST":
            route.continue_()
            return
        keys.append(request.headers.get("idempotency-key"))
        route.fetch()  # it arrives; its answer does not
        route.abort() if len(keys) == 1 else route.continue_()

    batch = desk.batch()
    log_in(page, desk.username, desk.password, f"/console#/imports?batch_id={batch['id']}")
    page.route("**/student_management/imports", lose_the_first)
    page.get_by_label("Roster file").set_input_files(chosen("CSE,K1,Asha Rao,,k1@example.com"))  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload and compare").click()
    expect(page.get_by_role("alert").first).to_have_text(
        "The server cannot be reached. Check your connection, then try again."
    )
    page.get_by_role("button", name="Upload and compare").click()

    headed(page, "Import")
    made = desk.call("GET", "/student_management/imports", params={"batch_id": batch["id"]})
    assert keys[0] is not None
    assert keys == [keys[0]] * 2
    assert len(made["items"]) == 1


def test_an_empty_roster_can_be_downloaded(page: Page, desk: Desk) -> None:
    log_in(page, desk.username, desk.password, "/console#/imports")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download an empty roster as CSV").click()

    assert download.value.suggested_filename == "roster.csv"
    assert "Roll Number" in Path(download.value.path()).read_text(encoding="utf-8-sig")
