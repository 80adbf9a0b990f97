"""Campuses and accounts made in one step, and what they send, for tests about accounts and nothing else."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask.testing import FlaskClient

from config.permissions import Role
from main import Runtime
from services.accounts.documents import User
from services.accounts.names import NewAccount
from services.campuses.documents import CAMPUSES, COURSES, Campus, Course
from tests.cast import PASSWORD
from utils.documents import new_id
from utils.scope import Scope

OTHER = "seven green umbrellas 42"
WRONG = "not at all the password"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Place:
    """A campus with two courses."""

    id: str
    course_ids: tuple[str, str]


def place(db: Any, name: str) -> Place:
    """Make a campus with two courses."""
    campus_id, courses = new_id(), (new_id(), new_id())
    named = {"created_at": NOW, "updated_at": NOW, "campus_id": campus_id}
    campus = Campus(
        id=campus_id,
        name=f"{name} Campus",
        name_key=f"{name} campus".lower(),
        code=name,
        code_key=name.lower(),
        timezone="Asia/Kolkata",
        country="IN",
        **named,
    )
    db[CAMPUSES].insert_one(campus.to_mongo())
    for number, course_id in enumerate(courses):
        code = f"C{number}"
        course = Course(
            id=course_id, name=code, name_key=code.lower(), code=code, code_key=code.lower(), **named
        )
        db[COURSES].insert_one(course.to_mongo())
    return Place(campus_id, courses)


def invited(runtime: Runtime, username: str, role: Role = Role.STUDENT, **more: Any) -> User:
    """Make an account that has no password yet."""
    account = NewAccount(id=new_id(), username=username, role=role, name=more.pop("name", "Asha Rao"), **more)
    [user] = runtime.services.accounts.create_many(Scope.everything(), [account])
    return user


def grown(runtime: Runtime, username: str, role: Role = Role.STUDENT, **more: Any) -> User:
    """Make an account with ``PASSWORD``."""
    user = invited(runtime, username, role, **more)
    password_hash = runtime.services.password_choice.hash(user, PASSWORD)
    change = {"$set": {"password_hash": password_hash, "status": "active"}}
    runtime.store.db.users.update_one({"_id": user.id}, change, comment="a test")
    return user


def log_in(client: FlaskClient, username: str, password: str = PASSWORD, address: str = "10.0.0.1") -> Any:
    return client.post(
        "/auth/login",
        json={"username": username, "password": password},
        environ_base={"REMOTE_ADDR": address},
    )


def told(reply: Any) -> tuple[int, dict[str, Any]]:
    """What a reply says, without the id of its request."""
    body = reply.get_json() or {}
    return reply.status_code, {key: value for key, value in body.items() if key != "instance"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def refreshed(client: FlaskClient, token: str) -> Any:
    return client.post("/auth/refresh", json={"refresh_token": token})


def wide(text: str) -> str:
    """The same letters and digits, as full-width characters."""
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)
