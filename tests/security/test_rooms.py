"""Rooms of live events: who may read a thing hears of it, and nobody else, whatever they send (case 17)."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.cast import Cast, Person, roster
from tests.routes.test_live import socket
from tests.waiting import seconds_until, until

__all__ = ["socket"]
HANDSHAKE: Final = "/socket.io/?EIO=4&transport=websocket"
GUESSES: Final[tuple[tuple[str, Any], ...]] = (
    ("join", {"room": "import:{id}"}),
    ("join_room", "import:{id}"),
    ("subscribe", {"import_id": "{id}"}),
    ("watch", {"room": "import:{id}"}),
    ("watch", {"import_id": "{id}", "job_id": "{id}"}),
    ("watch", {"import_id": ["{id}"]}),
    ("watch", {"import_id": {"$ne": None}}),
    ("watch", {"user_id": "{id}"}),
    ("enter_room", ["import:{id}"]),
)


def filled(asked: Any, row_id: str) -> Any:
    """Return what is asked with an id in its place."""
    if isinstance(asked, dict):
        return {name: filled(value, row_id) for name, value in asked.items()}
    if isinstance(asked, list):
        return [filled(value, row_id) for value in asked]
    return asked.replace("{id}", row_id) if isinstance(asked, str) else asked


@pytest.fixture
def people(cast: Cast) -> dict[str, Person]:
    """One of every kind, towards an import into the first course of North."""
    north, south = cast.north, cast.south
    own, other = north.course_ids
    return {
        "superadmin": cast.superadmin,
        "campus admin": north.admin,
        "course admin": cast.admin("n1", "course_admin", north.id, course_ids=[own]),
        "admin of another course": cast.admin("n2", "course_admin", north.id, course_ids=[other]),
        "admin of another campus": south.admin,
        "course admin of another campus": cast.admin(
            "s1", "course_admin", south.id, course_ids=[south.course_ids[0]]
        ),
        "student": cast.student(north, "R1"),
        "student of another campus": cast.student(south, "R2"),
    }


def test_who_reads_a_thing_hears_of_it_and_nobody_else(
    people: dict[str, Person], cast: Cast, socket: Any, at_rest: Any
) -> None:
    form = {"batch_id": cast.north.batch_id, "file": roster("CSE,X1,Asha,,"), "channels": "email"}
    path = "/student_management/imports"
    made = people["course admin"].post(path, status=202, data=form)
    at_rest()
    sockets = {name: socket(person.token) for name, person in people.items()}

    for name, person in people.items():
        for event, asked in GUESSES:
            sockets[name].emit(event, filled(asked, made["id"]))
        told = sockets[name].emit("watch", {"import_id": made["id"]}, callback=True)
        assert told.get("status", 200) == person.http.get(f"{path}/{made['id']}").status_code, name
    for client in sockets.values():
        client.get_received()
    people["campus admin"].post(f"{path}/{made['id']}/commit", {}, status=202)

    def applied() -> bool:
        received = sockets["superadmin"].get_received()
        return any(event["args"][0]["state"] == "applied" for event in received if "import" in event["name"])

    until(applied, "applied")
    at_rest()
    heard = {name: str(client.get_received()) for name, client in sockets.items()}
    assert {name for name, frames in heard.items() if made["id"] in frames} == {
        "campus admin",
        "course admin",
    }


def test_a_lost_course_ends_its_watching_within_a_second(cast: Cast, socket: Any) -> None:
    north = cast.north
    admin = cast.admin("n1", "course_admin", north.id, course_ids=[north.course_ids[0]])
    client = socket(admin.token)
    assert client.is_connected()

    north.admin.patch(f"/admin_management/admins/{admin.id}", {"course_ids": [north.course_ids[1]]})

    assert seconds_until(lambda: not client.is_connected()) < 1.5


@pytest.fixture
def shaking(client: FlaskClient) -> Callable[[str], str]:
    """Call it to begin a handshake as a page of an origin; get what was said to it."""

    def shake(origin: str) -> str:
        with client.get(HANDSHAKE, headers={"Origin": origin}) as reply:
            assert reply.status_code >= 400  # this is no real WebSocket
            return reply.get_data(as_text=True)

    return shake


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example"])
def test_a_page_of_another_origin_opens_no_socket(
    shaking: Callable[[str], str], app: Flask, origin: str
) -> None:
    assert "Not an accepted origin" in shaking(origin)
