"""A running product with an exam in it: a campus, students who are signed in, questions, published tests.

Questions and tests are made through the front door. Students come by a roster; only that each of them has
logged in on two devices is written beside the product: thousands of logins would be a test of their own.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import jwt
from pymongo.database import Database

from config.secrets import development_key
from routes._kit.tokens import AUDIENCE, ISSUER, key_id
from tests.faults.client import PatientClient

DEVICES: Final = ("laptop", "phone")
RIGHT: Final = "right"
LIFE: Final = timedelta(hours=6)
APPLIED_SECONDS: Final = 120.0
HEADER: Final = "Group,Roll Number,Student Name,Mobile Number,Email"


@dataclass(frozen=True, slots=True)
class Seat:
    """One student, with an access token for each device."""

    student_id: str
    tokens: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Hall:
    """Where the exam is: the campus, its people, the slots of a paper."""

    client: PatientClient
    db: Database[dict[str, Any]]
    data_dir: Path
    campus_id: str
    course_id: str
    batch_id: str

    @classmethod
    def opened(cls, client: PatientClient, db: Database[dict[str, Any]], data_dir: Path) -> "Hall":
        """Return a hall on a new campus, asked for by a signed-in superadmin."""
        name = uuid.uuid4().hex[:8].upper()
        campus = {"name": f"Hall {name}", "code": name, "timezone": "Asia/Kolkata"}
        campus_id = client.make("/campus_management/campuses", json=campus)["id"]
        course = {"campus_id": campus_id, "name": "Computing", "code": "CSE"}
        course_id = client.make("/course_management/courses", json=course)["id"]
        batch = {"campus_id": campus_id, "name": "This year", "course_ids": [course_id]}
        batch_id = client.make("/batch_management/batches", json=batch)["id"]
        return cls(client, db, data_dir, campus_id, course_id, batch_id)

    def seats(self, count: int) -> Sequence[Seat]:
        """Return so many new students, signed in."""
        prefix = uuid.uuid4().hex[:10]
        lines = [f"CSE,{prefix}/{number:05d},Asha Rao,," for number in range(count)]
        content = "\n".join([HEADER, *lines, ""]).encode()
        form = {"batch_id": self.batch_id, "dry_run": "false", "channels": ""}
        made = self.client.make(
            "/student_management/imports", data=form, files={"file": ("hall.csv", content, "text/csv")}
        )
        give_up = time.monotonic() + APPLIED_SECONDS
        while (shown := self.client.get(f"/student_management/imports/{made['id']}"))["state"] != "applied":
            if shown["state"] == "failed" or time.monotonic() > give_up:
                raise AssertionError(f"the roster was not applied: {shown}")
            time.sleep(0.1)
        assert shown["counts"]["new"] == count, shown
        return self._signed_in()

    def _signed_in(self) -> Sequence[Seat]:
        mine = {"campus_id": self.campus_id, "role": "student"}
        self.db["users"].update_many(mine, {"$set": {"status": "active"}})
        ids = [str(row["_id"]) for row in self.db["users"].find(mine, {"_id": 1})]
        now, sessions, seats = datetime.now(UTC), list[dict[str, Any]](), list[Seat]()
        for student_id in ids:
            names = {device: uuid.uuid4().hex for device in DEVICES}
            sessions += [_session(name, student_id, now) for name in names.values()]
            tokens = {device: self.token(student_id, session) for device, session in names.items()}
            seats.append(Seat(student_id, tokens))
        self.db["sessions"].insert_many(sessions)
        return seats

    def token(self, student_id: str, session_id: str) -> str:
        """Return an access token as the product mints them."""
        key, now = development_key(self.data_dir, "jwt_secret_key"), int(time.time())
        claims = {"fresh": False, "type": "access", "typ": "access", "sub": student_id, "sid": session_id}
        claims |= {"iat": now, "nbf": now, "exp": now + 3600, "jti": uuid.uuid4().hex}
        claims |= {"iss": ISSUER, "aud": AUDIENCE}
        return jwt.encode(claims, key, "HS256", headers={"kid": key_id(key)})

    def questions(self, count: int) -> Sequence[str]:
        """Return so many questions, to each of which the answer is "right"."""
        return [self._question(number) for number in range(count)]

    def _question(self, number: int) -> str:
        sent = {
            "type": "short_text",
            "stem": f"What is the answer to question {number} of {self.campus_id}?",
            "body": {},
            "key": {"answers": [{"text": RIGHT, "fraction": "1"}]},
            "mark": "1",
            "module": "GRAMMAR",
            "level": "BEGINNER",
            "tags": [],
            "difficulty": "easy",
            "campus_id": self.campus_id,
        }
        return str(self.client.make("/question_bank/questions", json=sent)["id"])

    def test(self, questions: Sequence[str], name: str, minutes: int, window: timedelta) -> str:
        """Return a test that is published for everybody here, open now and for so long."""
        now = datetime.now(UTC)
        sent = {
            "name": name,
            "kind": "online",
            "campus_id": self.campus_id,
            "course_ids": [self.course_id],
            "batch_ids": [self.batch_id],
            "window_start_at": _z(now),
            "window_end_at": _z(now + window),
            "duration_minutes": minutes,
            "attempts_allowed": 100,
            "sections": [{"title": "All", "slots": [{"question_id": one} for one in questions]}],
            "shuffle_questions": True,
            "shuffle_options": False,
            "scoring": {"negative": None, "floor": None},
        }
        test_id = str(self.client.make("/test_management/tests", json=sent)["id"])
        self.client.make(f"/test_management/tests/{test_id}/publish")
        return test_id


def _session(session_id: str, student_id: str, now: datetime) -> dict[str, Any]:
    return {
        "_id": session_id,
        "user_id": student_id,
        "refresh_hash": uuid.uuid4().hex,
        "used_hashes": [],
        "created_at": now,
        "last_used_at": now,
        "proved_at": now,
        "expires_at": now + LIFE,
        "ends_at": now + LIFE,
        "revoked_at": None,
        "revoked_why": None,
        "user_agent": "hall",
    }


def _z(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
