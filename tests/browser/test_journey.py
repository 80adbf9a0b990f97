"""The main job in the browser: from an empty installation to a student who has logged in."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import PASSWORD, Desk, figure, headed, log_in

Picture = Callable[..., None]

pytestmark = pytest.mark.xdist_group("product")


def test_an_admin_uploads_a_roster_and_a_student_logs_in(
    page: Page, desk: Desk, sample: Path, picture: Picture
) -> None:
    page.goto("/console")
    picture(page, "01-login")
    log_in(page, desk.username, desk.password)
    headed(page, "Welcome, Superadmin")
    picture(page, "02-overview-empty")

    set_up(page, picture)
    upload(page, sample, picture)
    commit_and_watch(page, picture)
    find_student(page, picture)
    student = follow_the_link(page, picture)
    log_in_as_the_student(student, picture)


def set_up(page: Page, picture: Picture) -> None:
    page.get_by_role("navigation").get_by_role("link", name="Organisation").click()
    headed(page, "Organisation")
    page.get_by_text("Add a campus").click()
    page.get_by_label("Name").fill("North Campus")
    page.get_by_label("Code").fill("NORTH")
    page.get_by_label("Time zone").select_option("Asia/Kolkata")
    picture(page, "03-organisation")
    page.get_by_role("button", name="Add campus").click()

    headed(page, "North Campus")
    for name, code in (("Computer Science", "CSE"), ("Electronics", "ECE")):
        page.get_by_label("Name").first.fill(name)
        page.get_by_label("Code").fill(code)
        page.get_by_role("button", name="Add course").click()
        expect(page.get_by_role("rowheader", name=name)).to_be_visible()
    page.get_by_text("Add a batch").click()
    page.get_by_label("Name").last.fill("Batch 2026")
    page.get_by_label("Computer Science").check()
    page.get_by_label("Electronics").check()
    page.get_by_role("button", name="Add batch").click()
    expect(page.get_by_role("row", name="Batch 2026")).to_contain_text("Computer Science and Electronics")
    picture(page, "04-campus")
    page.get_by_role("link", name="Upload a roster for Batch 2026").click()


def upload(page: Page, sample: Path, picture: Picture) -> None:
    headed(page, "Imports")
    expect(page.get_by_label("Batch")).to_have_value(re.compile("."))
    page.get_by_label("Roster file").set_input_files(sample)
    picture(page, "05-upload")
    page.get_by_role("button", name="Upload and compare").click()

    headed(page, "Import")
    expect(page.get_by_text("Ready to commit", exact=True)).to_be_visible()
    expect(figure(page, "new")).to_have_text("500")
    expect(page.get_by_role("tab", name="New 500")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("row")).to_have_count(51)
    page.get_by_role("button", name="Show more").click()
    expect(page.get_by_role("row")).to_have_count(101)
    page.get_by_role("tab", name="Errors 0").click()
    expect(page.get_by_text("Every row can be used.")).to_be_visible()
    page.get_by_role("tab", name="New 500").click()
    expect(page.get_by_role("row")).to_have_count(51)
    picture(page, "06-preview")


def commit_and_watch(page: Page, picture: Picture) -> None:
    page.get_by_role("button", name="Commit: add 500 students").click()
    page.get_by_role("link", name="Watch the messages go out").click()

    headed(page, "Job")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(figure(page, "delivered")).not_to_have_text("0")
    picture(page, "07-job-running")
    expect(page.get_by_text("Completed", exact=True)).to_be_visible(timeout=90_000)
    expect(figure(page, "delivered")).to_have_text("1,000")
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "100")
    expect(page.get_by_text("Everybody was reached.")).to_be_visible()
    picture(page, "08-job-completed")


def find_student(page: Page, picture: Picture) -> None:
    page.get_by_role("navigation").get_by_role("link", name="Students").click()
    headed(page, "Students")
    page.get_by_label("Search").fill("002100001")
    expect(page.get_by_text("1 student", exact=True)).to_be_visible()
    expect(page.get_by_role("row", name="Aarav Sharma")).to_contain_text("Delivered")
    expect(page.get_by_role("row", name="Aarav Sharma")).to_contain_text("No password yet")
    page.get_by_label("Search").fill("")
    expect(page.get_by_role("row")).to_have_count(51)
    picture(page, "09-students")


def follow_the_link(page: Page, picture: Picture) -> Page:
    page.get_by_role("navigation").get_by_role("link", name="Outbox").click()
    headed(page, "Outbox")
    picture(page, "10-outbox")
    page.get_by_label("Recipient or subject").fill("student00001@example.com")
    expect(page.get_by_text("1 message", exact=True)).to_be_visible()
    page.get_by_role("button", name="set your password").click()
    message = page.get_by_role("dialog")
    picture(page, "11-message-text")
    message.get_by_role("tab", name="As an email").click()
    picture(page, "12-message-email")
    letter = page.frame_locator("iframe")
    with page.expect_popup() as popup:
        letter.get_by_role("link", name="Set your password").click()
    return popup.value


def log_in_as_the_student(student: Page, picture: Picture) -> None:
    student.get_by_label("New password").fill(PASSWORD)
    student.get_by_label("The same password again").fill(PASSWORD)
    picture(student, "13-set-password")
    student.get_by_role("button", name="Save password").click()
    expect(student.get_by_text("Your password is saved.")).to_be_visible()

    log_in(student, "002100001", PASSWORD)
    headed(student, "Welcome, Aarav Sharma")
    expect(student.get_by_text("Student", exact=True).first).to_be_visible()
    picture(student, "14-student")
