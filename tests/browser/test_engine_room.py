"""Jobs held, ended and sent again, texts changed, and a server looked after, all in the browser."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pymongo import MongoClient

from tests.browser.desk import Desk, figure, headed, log_in
from tests.fakes.brevo_server import API_KEY, BrevoServer
from tests.servers import Server

pytestmark = pytest.mark.xdist_group("product")

SENDING = "/student_management/students/send_credentials"


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[Any]:
    """The server's own database, for what takes a day or a disaster to come about."""
    uri = json.loads((server.data_dir / "running.json").read_text())["MONGODB_URI"]
    client: MongoClient[dict[str, Any]] = MongoClient(uri)
    yield client.get_default_database()
    client.close()


def scheduled(desk: Desk, *lines: str) -> str:
    """Return a job that begins in an hour, for the students of these lines."""
    batch_id = desk.batch()["id"]
    desk.commit(desk.upload(batch_id, *lines))
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    sending = {"batch_id": batch_id, "channels": ["email"], "start_at": later}
    return str(desk.call("POST", SENDING, json=sending)["id"])


def in_time(page: Page, true: Callable[[], Any]) -> None:
    """Return when it is true."""
    give_up = datetime.now(UTC) + timedelta(seconds=60)
    while not true():
        assert datetime.now(UTC) < give_up
        page.wait_for_timeout(100)


def entered(page: Page, desk: Desk, job_id: str) -> None:
    log_in(page, desk.username, desk.password, f"/console#/jobs/{job_id}")
    headed(page, "Job")


def test_a_job_is_paused_resumed_and_cancelled(page: Page, desk: Desk, picture: Callable[..., None]) -> None:
    job_id = scheduled(desk, "CSE,E1,Asha Rao,,asha@example.com", "CSE,E2,Ravi Nair,,ravi@example.com")
    entered(page, desk, job_id)

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused", exact=True)).to_be_visible()
    picture(page, "job-paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()

    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()
    expect(figure(page, "skipped")).to_have_text("2")
    assert desk.call("GET", f"/batch_processing/jobs/{job_id}")["state"] == "cancelled"


def test_the_failed_are_sent_again_and_the_report_is_downloaded(
    page: Page, desk: Desk, database: Any
) -> None:
    preview = desk.upload(desk.batch()["id"], "CSE,E3,Asha Rao,,asha@example.com")
    job_id = desk.commit(preview, "email")["job_id"]
    database["deliveries"].update_many({"job_id": job_id}, {"$set": {"state": "failed"}})
    entered(page, desk, job_id)
    expect(figure(page, "failed")).to_have_text("1")

    page.get_by_role("button", name="Send again to the failed").click()

    expect(figure(page, "delivered")).to_have_text("1")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the report").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 2
    assert "Asha Rao" in lines[1]


def test_what_was_given_up_is_put_back(page: Page, desk: Desk, database: Any) -> None:
    job_id = scheduled(desk, "CSE,E4,Asha Rao,,asha@example.com")
    due = {"attempt": 25, "run_at": datetime.now(UTC), "error": "it ends every worker"}
    sending = {"group": job_id, "name": "batch_jobs.send"}
    in_time(page, lambda: database["engine_jobs"].update_one(sending, {"$set": due}).matched_count)
    database["batch_jobs"].update_one({"_id": job_id}, {"$set": {"start_at": datetime.now(UTC)}})
    in_time(page, lambda: desk.call("GET", "/batch_processing/dead_letters")["items"])
    log_in(page, desk.username, desk.password, "/console#/dead_letters")

    row = page.get_by_role("row", name="it ends every worker")
    expect(row).to_be_visible()
    row.get_by_role("button", name="Put back").click()

    expect(page.get_by_text("Nothing was given up.")).to_be_visible()
    page.goto(f"/console#/jobs/{job_id}")
    expect(figure(page, "delivered")).to_have_text("1")


def test_a_text_is_tried_changed_and_taken_back(page: Page, desk: Desk, picture: Callable[..., None]) -> None:
    log_in(page, desk.username, desk.password, "/console#/templates/sms/reset_password")
    text = page.get_by_label("Text", exact=True)
    shipped = text.input_value()

    text.fill("No link")
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_text("link").and_(page.locator(".fault"))).to_be_visible()
    text.fill(f"Hello {{{{ name }}}}: {shipped}")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".preview .text")).to_contain_text("Hello Asha Rao")
    expect(figure(page, "segments")).to_contain_text("segment")
    picture(page, "text-edited", whole=True)
    page.get_by_role("button", name="Save as a new version").click()

    expect(page.get_by_text("The platform's own")).to_be_visible()
    expect(page.get_by_label("Text", exact=True)).to_have_value(f"Hello {{{{ name }}}}: {shipped}")
    page.get_by_role("button", name="Return to the version before").click()
    page.get_by_role("dialog").get_by_role("button", name="Return", exact=True).click()
    expect(page.get_by_text("As shipped")).to_be_visible()
    expect(page.get_by_label("Text", exact=True)).to_have_value(shipped)


@pytest.fixture
def troubled(browser: Browser, tmp_path: Path) -> Iterator[tuple[Server, Desk, BrevoServer]]:
    """A server of its own that sends through a provider."""
    with BrevoServer() as brevo:
        environment = {
            "BREVO_API_KEY": API_KEY,
            "BREVO_API_URL": brevo.url,
            "SENDER_EMAIL": "office@example.com",
            "SMS_SENDER": "VERSANT",
            "BCRYPT_ROUNDS": "4",
        }
        with Server(tmp_path / "data", "--workers", "1", environment=environment) as server:
            kept = json.loads((server.data_dir / "superadmin.json").read_text())
            with Desk(server.url, kept["username"], kept["password"]) as desk:
                yield server, desk, brevo


def test_a_paused_channel_and_an_open_breaker_are_seen_and_let_go_on(
    opened: Callable[..., Page], troubled: tuple[Server, Desk, BrevoServer], picture: Callable[..., None]
) -> None:
    server, desk, brevo = troubled
    page = opened(base_url=server.url)
    brevo.plan.load({"always": "401"})
    batch_id = desk.batch()["id"]
    preview = desk.upload(batch_id, "CSE,T1,Asha Rao,9812300021,asha@example.com")
    path = f"/student_management/imports/{preview['id']}/commit"
    job_id = desk.call("POST", path, json={"channels": ["email"]})["job_id"]
    log_in(page, desk.username, desk.password, "/console#/operations")

    channels = page.get_by_role("table", name="Channels")
    email = channels.get_by_role("row", name="Email")
    expect(email.get_by_text("Paused", exact=True)).to_be_visible()
    expect(email).to_contain_text("401")
    picture(page, "channel-paused")
    brevo.plan.load({})
    email.get_by_role("button", name="Go on").click()
    page.get_by_role("dialog").get_by_role("button", name="Go on").click()

    expect(email.get_by_text("Sending", exact=True)).to_be_visible()
    page.goto(f"/console#/jobs/{job_id}")
    expect(figure(page, "sent")).to_have_text("1", timeout=60_000)

    page.goto("/console#/operations")
    services = page.get_by_role("table", name="Services outside")
    expect(services.get_by_role("row", name="brevo-sms")).to_contain_text("Works")
    brevo.plan.load({"always": {"preset": "500_before"}})
    lines = [f"CSE,T{n},Student {n},98123001{n},s{n}@example.com" for n in range(10, 18)]
    failing = desk.upload(batch_id, *lines)
    desk.call("POST", f"/student_management/imports/{failing['id']}/commit", json={"channels": ["sms"]})
    sms = services.get_by_role("row", name="brevo-sms")
    expect(sms).to_contain_text("Not asked for now", timeout=60_000)
    picture(page, "breaker-open")
    sms.get_by_role("button", name="Ask it again").click()
    page.get_by_role("dialog").get_by_role("button", name="Ask it again").click()

    expect(sms).to_contain_text("Works", timeout=60_000)


def test_the_audit_log_is_read_narrowed_and_downloaded(
    page: Page, desk: Desk, picture: Callable[..., None]
) -> None:
    desk.batch()
    log_in(page, desk.username, desk.password, "/console#/audit")
    headed(page, "Audit log")
    expect(page.get_by_text("As written", exact=True)).to_be_visible()
    expect(page.get_by_role("row", name="batch.created").first).to_be_visible()
    picture(page, "audit")

    page.get_by_label("Action").fill("course.created")
    expect(page.get_by_role("row", name="course.created").first).to_be_visible()
    expect(page.get_by_role("row", name="batch.created")).to_have_count(0)
    with page.expect_download() as loading:
        page.get_by_role("button", name="Download these lines").click()
    assert "course.created" in Path(loading.value.path()).read_text()

    page.get_by_label("Action").fill("no.such.thing")
    expect(page.get_by_text("Nothing of this kind has happened.")).to_be_visible()
