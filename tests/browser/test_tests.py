"""A test is planned from the bank, published, and shows who takes it and what they will see."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import Desk, figure, headed, log_in
from tests.questions import SINGLE

pytestmark = pytest.mark.xdist_group("product")


def test_a_test_is_planned_published_and_told_of(page: Page, desk: Desk) -> None:
    batch = desk.batch()
    desk.commit(desk.upload(batch["id"], "CSE,T1,Asha Rao,,asha@example.com"))
    desk.call("POST", "/question_bank/questions", json=SINGLE | {"stem": "Which verb fits here?"})
    log_in(page, desk.username, desk.password, "/console#/tests")
    headed(page, "Tests")
    page.get_by_text("Plan a test").click()
    page.get_by_label("Name").fill("Entry exam")
    page.get_by_label("Campus", exact=True).select_option(batch["campus_id"])
    page.get_by_label(batch["name"]).check()
    page.get_by_label("Module").select_option("GRAMMAR")
    page.get_by_role("button", name="Plan the test").click()

    headed(page, "Entry exam")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("alert")).to_contain_text("holds no question")
    page.go_back()
    page.get_by_text("Plan a test").click()
    page.get_by_label("Name").fill("Entry exam")
    page.get_by_label("Campus", exact=True).select_option(batch["campus_id"])
    page.get_by_label(batch["name"]).check()
    page.get_by_label("Which verb fits here?").check()
    page.get_by_role("button", name="Plan the test").click()
    headed(page, "Entry exam")
    page.get_by_role("button", name="Publish").click()

    expect(page.get_by_text("Open", exact=True)).to_be_visible()
    expect(figure(page, "audience")).to_contain_text("1 student in all")
    page.get_by_text("As students see it").click()
    expect(page.get_by_text("Option a", exact=True)).to_be_visible()
    page.get_by_role("button", name="Tell the students").click()
    headed(page, "Job")
