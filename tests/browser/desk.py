"""What the browser tests ask of the server beside the browser, and the steps that people repeat."""

import itertools
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import requests
from playwright.sync_api import Locator, Page, expect

from tests.questions import SINGLE
from tests.waiting import until

PASSWORD = "a quiet river at dawn 7"
HEADER = "Group,Roll Number,Student Name,Mobile Number,Email"
ENDED = ("previewed", "applied", "failed", "completed")


class Desk:
    """A signed-in API client."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url, self.username, self.password = url, username, password
        self._http = requests.Session()
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        self._log_in()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Return the JSON of a reply that must be a success."""
        reply = self._http.request(method, self.url + path, timeout=60, **options)
        if reply.status_code == requests.codes.unauthorized:  # the newest ten sessions of a person are kept
            self._log_in()
            reply = self._http.request(method, self.url + path, timeout=60, **options)
        assert reply.ok, (method, path, reply.status_code, reply.text)
        return reply.json() if reply.content else None

    def _log_in(self) -> None:
        door = {"username": self.username, "password": self.password}
        reply = self._http.post(f"{self.url}/auth/login", json=door, timeout=60)
        self._http.headers["Authorization"] = f"Bearer {reply.json()['access_token']}"

    def batch(self) -> dict[str, Any]:
        """Make a campus with the course CSE and a batch that takes it."""
        number = next(self._numbers)
        place = {"name": f"Campus {number}", "code": f"C{number}", "timezone": "Asia/Kolkata"}
        campus = self.call("POST", "/campus_management/campuses", json=place)["id"]
        course = {"campus_id": campus, "name": "Computer Science", "code": "CSE"}
        course_id = self.call("POST", "/course_management/courses", json=course)["id"]
        batch = {"campus_id": campus, "name": f"Batch {number}", "course_ids": [course_id]}
        made: dict[str, Any] = self.call("POST", "/batch_management/batches", json=batch)
        return made

    def exam(self, batch: dict[str, Any]) -> Any:
        """Publish an exam of one question that a batch may begin now."""
        campus, now = {"campus_id": batch["campus_id"]}, datetime.now(UTC)
        question = self.call("POST", "/question_bank/questions", json={**SINGLE, **campus})
        wanted = {
            "name": "Entrance exam",
            "kind": "online",
            **campus,
            "batch_ids": [batch["id"]],
            "window_start_at": (now - timedelta(minutes=1)).isoformat(),
            "window_end_at": (now + timedelta(hours=1)).isoformat(),
            "duration_minutes": 30,
            "attempts_allowed": 1,
            "sections": [{"title": "One", "slots": [{"question_id": question["id"]}]}],
        }
        made = self.call("POST", "/test_management/tests", json=wanted)
        return self.call("POST", f"/test_management/tests/{made['id']}/publish")

    def upload(self, batch_id: str, *lines: str) -> dict[str, Any]:
        """Upload a roster and return its preview."""
        form = {"batch_id": batch_id}
        made = self.call("POST", "/student_management/imports", data=form, files={"file": roster(*lines)})
        return self.rest(f"/student_management/imports/{made['id']}")

    def commit(self, preview: dict[str, Any], *channels: str) -> dict[str, Any]:
        """Commit a preview and return it as it ended, its messages sent."""
        path = f"/student_management/imports/{preview['id']}"
        made = self.call("POST", f"{path}/commit", json={"channels": channels})
        if made["job_id"]:
            self.rest(f"/batch_processing/jobs/{made['job_id']}")
        return self.rest(path)

    def rest(self, path: str) -> dict[str, Any]:
        """Return an import or a job when it has come to rest."""
        found: dict[str, Any] = {}

        def rests() -> bool:
            found.update(self.call("GET", path))
            return found["state"] in ENDED

        until(rests, f"{path} at rest", seen=lambda: found)
        return found


def roster(*lines: str, name: str = "roster.csv") -> tuple[str, bytes, str]:
    """Return a CSV roster as an upload takes it."""
    return name, "\n".join([HEADER, *lines, ""]).encode(), "text/csv"


def log_in(page: Page, username: str, password: str, address: str = "/console") -> None:
    """Log in through the form, as a person does."""
    page.goto(address)
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def headed(page: Page, title: str) -> Locator:
    """Return the heading of the room, which must be this one."""
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text(title)
    return heading


def figure(page: Page, key: str) -> Locator:
    """Return a figure of the room by its name in the interface."""
    return page.locator(f"[data-figure={key}]")
