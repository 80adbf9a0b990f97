"""The fixed cast: two campuses, North and South, one admin each, students; made through the front door."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from flask import Flask
from flask.testing import FlaskClient

from tests.copies import Copies
from tests.waiting import until

T = TypeVar("T")
PASSWORD = "a quiet river at dawn 7"
ROSTER_HEADER = "Group,Roll Number,Student Name,Mobile Number,Email\n"


class Person:
    """Somebody who has logged in."""

    def __init__(
        self, app: Flask, username: str, password: str = PASSWORD, login: dict[str, Any] | None = None
    ) -> None:
        self.username, self.password = username, password
        self.http: FlaskClient = app.test_client()
        self.login = login or self._logged_in()
        self.token = str(self.login["access_token"])
        self.id = str(self.login["user"]["id"])
        self.http.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {self.token}"

    def again(self) -> "Person":
        """Return the same person, logged in as here, with a client of their own."""
        return Person(self.http.application, self.username, self.password, dict(self.login))

    def get(self, path: str, status: int = 200, **options: Any) -> Any:
        """Return the JSON of a reply that must have this status."""
        return self._call("get", path, status, options)

    def post(self, path: str, body: Any = None, status: int = 201, **options: Any) -> Any:
        """Return the JSON of a reply that must have this status."""
        return self._call("post", path, status, {"json": body, **options} if body is not None else options)

    def patch(self, path: str, body: Any, status: int = 200, **options: Any) -> Any:
        """Return the JSON of a reply that must have this status."""
        return self._call("patch", path, status, {"json": body, **options})

    def put(self, path: str, body: Any, status: int = 200, **options: Any) -> Any:
        """Return the JSON of a reply that must have this status."""
        return self._call("put", path, status, {"json": body, **options})

    def delete(self, path: str, status: int = 204) -> Any:
        """Return the JSON of a reply that must have this status, if it has any."""
        return self._call("delete", path, status, {})

    def _logged_in(self) -> dict[str, Any]:
        reply = self.http.post("/auth/login", json={"username": self.username, "password": self.password})
        assert reply.status_code == 200, reply.get_json()
        return dict(reply.get_json())

    def _call(self, method: str, path: str, status: int, options: dict[str, Any]) -> Any:
        reply = getattr(self.http, method)(path, **options)
        assert reply.status_code == status, (method, path, reply.status_code, reply.get_data(as_text=True))
        return reply.get_json(silent=True)


@dataclass(frozen=True)
class Campus:
    """A campus with two courses and one batch that takes both, and its admin."""

    id: str
    name: str
    course_ids: tuple[str, str]
    batch_id: str
    admin: Person


class Cast:
    """Makes people and places as a test asks for them."""

    def __init__(self, app: Flask, outbox: Any, copies: Copies | None = None) -> None:
        self._app, self._outbox, self._copies = app, outbox, copies

    @cached_property
    def superadmin(self) -> Person:
        """The one who may do everything."""
        return self._made("superadmin", self._superadmin).again()

    @cached_property
    def north(self) -> Campus:
        """The campus that most stories are about."""
        return self.campus("North")

    @cached_property
    def south(self) -> Campus:
        """The other campus."""
        return self.campus("South")

    def campus(self, name: str) -> Campus:
        """Make a campus."""
        boss = self.superadmin
        made = self._made(f"campus {name}", lambda: self._campus(boss, name))
        return replace(made, admin=made.admin.again())

    def admin(self, username: str, role: str, campus_id: str | None = None, **more: Any) -> Person:
        """Make an admin, who follows the link in the activation message."""
        wanted = {"role": role, "username": username, "name": f"Admin {username}", **more}
        wanted["email"] = f"{username}@example.com"
        if campus_id:
            wanted["campus_id"] = campus_id
        boss = self.superadmin
        return self._made(f"admin {wanted}", lambda: self._admin(boss, wanted)).again()

    def student(self, campus: Campus, roll_number: str, **more: Any) -> Person:
        """Make a student of the campus's first course, who follows the link that the admin has sent."""
        wanted = {
            "name": f"Student {roll_number}",
            "roll_number": roll_number,
            "batch_id": campus.batch_id,
            "course_ids": [campus.course_ids[0]],
            "email": f"{roll_number.lower()}@example.com",
            **more,
        }
        return self._made(f"student {wanted}", lambda: self._student(campus.admin, wanted)).again()

    def activated(self, username: str, address: str) -> Person:
        """Wait for the message to this address, set a password by its link, log in."""
        token = self.token_for(address)
        reply = self._app.test_client().post(
            "/auth/activate", json={"token": token, "new_password": PASSWORD}
        )
        assert reply.status_code == 204, reply.get_json()
        return Person(self._app, username)

    def token_for(self, address: str) -> str:
        """Return the one-time token of the newest link to an address, as soon as it is in the outbox."""

        def texts() -> list[str]:
            told = (message["text"] for message in self._outbox() if message["to"] == address)
            return [text for text in told if "token=" in text]

        return one_time_token(until(texts, f"a message to {address}")[-1])

    def _made(self, what: str, make: Callable[[], T]) -> T:
        return self._copies.made(what, make) if self._copies else make()

    def _superadmin(self) -> Person:
        services = self._app.extensions["versant"].services
        services.accounts.ensure_superadmin("root", PASSWORD)
        return Person(self._app, "root")

    def _campus(self, boss: Person, name: str) -> Campus:
        place = {"name": f"{name} Campus", "code": name.upper(), "timezone": "Asia/Kolkata"}
        campus_id = boss.post("/campus_management/campuses", place)["id"]
        first, second = (
            boss.post(
                "/course_management/courses",
                {"campus_id": campus_id, "name": f"{name} {course}", "code": course},
            )["id"]
            for course in ("CSE", "ECE")
        )
        batch = {"campus_id": campus_id, "name": f"{name} 2026", "course_ids": [first, second]}
        batch_id = boss.post("/batch_management/batches", batch)["id"]
        admin = {"role": "campus_admin", "campus_id": campus_id, "username": f"{name.lower()}.admin"}
        admin |= {"name": f"Admin {admin['username']}", "email": f"{admin['username']}@example.com"}
        return Campus(campus_id, place["name"], (first, second), batch_id, self._admin(boss, admin))

    def _admin(self, boss: Person, wanted: dict[str, Any]) -> Person:
        boss.post("/admin_management/admins", wanted)
        return self.activated(wanted["username"], wanted["email"])

    def _student(self, admin: Person, wanted: dict[str, Any]) -> Person:
        made = admin.post("/student_management/students", wanted)
        sending = {"student_ids": [made["id"]], "channels": ["email"]}
        admin.post("/student_management/students/send_credentials", sending, status=202)
        return self.activated(wanted["roll_number"].lower(), wanted["email"])


def one_time_token(text: str) -> str:
    """Return the token of the link in a message."""
    match = re.search(r"token=([A-Za-z0-9_-]+)", text)
    assert match is not None, text
    return match.group(1)


def roster(*lines: str, header: str = ROSTER_HEADER) -> tuple[io.BytesIO, str]:
    """Return a CSV roster as a test client uploads it."""
    return io.BytesIO((header + "\n".join(lines) + "\n").encode()), "roster.csv"
