"""Socket.IO: who may connect, who may watch what, and what watchers hear."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from models import Actor
from routes import live
from routes._kit import tokens
from tests.cast import Cast, Person, roster
from tests.waiting import seconds_until, until


@pytest.fixture
def socket(app: Flask, runtime: Any) -> Any:
    """Call it to connect with a token."""
    made: list[Any] = []

    def connect(token: Any) -> Any:
        made.append(runtime.socketio.test_client(app, auth={"token": token}))
        return made[-1]

    yield connect
    for client in made:
        if client.is_connected():
            client.disconnect()


def start_import(person: Person, batch_id: str, runtime: Any, count: int = 250) -> Any:
    lines = [f"CSE,{n:04},Student {n},,s{n}@example.com" for n in range(count)]
    form = {"batch_id": batch_id, "file": roster(*lines), "dry_run": "false", "channels": "email"}
    return person.post("/student_management/imports", status=202, data=form)


@pytest.mark.parametrize("token", [None, "", "nonsense", 7, {"$ne": None}])
def test_nobody_connects_without_a_token_that_holds(socket: Any, token: Any) -> None:
    assert not socket(token).is_connected()


def test_a_watcher_hears_of_an_import_and_of_its_job_until_their_end(
    cast: Cast, socket: Any, runtime: Any
) -> None:
    admin = cast.north.admin
    watcher = socket(admin.token)
    made = start_import(admin, cast.north.batch_id, runtime)

    ack = watcher.emit("watch", {"import_id": made["id"]}, callback=True)
    assert ack["watching"] == made["id"]
    heard: list[Any] = []

    def applied() -> Any:
        heard.extend(watcher.get_received())
        return [e for e in heard if e["name"] == "import:progress" and e["args"][0]["state"] == "applied"]

    job_id = until(applied, "applied")[-1]["args"][0]["job_id"]
    job = watcher.emit("watch", {"job_id": job_id}, callback=True)["job"]

    def completed() -> Any:
        heard.extend(watcher.get_received())
        told = [job, *(event["args"][0] for event in heard if event["name"] == "batch_job:progress")]
        return told[-1] if told[-1]["state"] == "completed" else None

    assert until(completed, "the end of the job", seen=lambda: heard[-1:])["counts"]["delivered"] == 250


def test_no_room_opens_for_somebody_who_may_not_read_the_thing(
    cast: Cast, socket: Any, runtime: Any, at_rest: Any
) -> None:
    made = start_import(cast.north.admin, cast.north.batch_id, runtime, 1)
    at_rest()
    stranger = socket(cast.south.admin.token)

    foreign = stranger.emit("watch", {"import_id": made["id"]}, callback=True)
    missing = stranger.emit("watch", {"import_id": "0" * 24}, callback=True)

    assert foreign == missing
    assert foreign["status"] == 404


@pytest.mark.parametrize(
    "asked", [None, {}, [], {"job_id": 7}, {"room": "x"}, {"job_id": "a", "import_id": "b"}]
)
def test_a_watch_that_makes_no_sense_is_a_problem_and_no_room(cast: Cast, socket: Any, asked: Any) -> None:
    client = socket(cast.north.admin.token)

    assert client.emit("watch", asked, callback=True)["status"] == 422


def test_a_student_watches_no_job(cast: Cast, socket: Any) -> None:
    student = cast.student(cast.north, "S1")

    reply = socket(student.token).emit("watch", {"job_id": "0" * 24}, callback=True)

    assert reply["status"] == 403


def test_a_socket_is_dropped_within_a_second_of_logging_out(cast: Cast, socket: Any) -> None:
    admin = cast.north.admin
    client = socket(admin.token)
    assert client.is_connected()

    admin.post("/auth/logout", status=204)

    assert seconds_until(lambda: not client.is_connected()) < 1.5


def test_a_person_has_at_most_five_sockets(cast: Cast, socket: Any) -> None:
    admin = cast.north.admin

    connected = [socket(admin.token).is_connected() for _ in range(6)]

    assert connected == [True] * 5 + [False]


@pytest.fixture
def one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have everything that is heard be heard at once, however slow this machine is."""
    now = time.monotonic()
    monkeypatch.setattr(live, "time", SimpleNamespace(monotonic=lambda: now, time=time.time))


@pytest.mark.usefixtures("one_second")
def test_more_than_twenty_events_a_second_are_refused(cast: Cast, socket: Any) -> None:
    client = socket(cast.north.admin.token)

    replies = [client.emit("watch", {"job_id": "0" * 24}, callback=True)["status"] for _ in range(25)]

    assert replies == [404] * 20 + [429] * 5


@pytest.mark.usefixtures("one_second")
def test_a_renewed_token_does_not_make_room_for_more_events(cast: Cast, socket: Any) -> None:
    admin = cast.north.admin
    client = socket(admin.token)

    for _ in range(12):
        if client.is_connected():
            client.emit("watch", {"job_id": "0" * 24}, callback=True)
        if client.is_connected():
            client.emit("authenticate", {"token": admin.token}, callback=True)

    assert not client.is_connected(), "24 events within a second were heard"


def test_a_socket_that_is_dropped_while_it_renews_its_token_stays_dropped(
    cast: Cast, socket: Any, runtime: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, sockets = cast.north.admin, runtime.sockets
    client = socket(admin.token)
    read = tokens.actor_of

    def meanwhile(token: str) -> Actor:
        for sid in list(sockets._sockets):
            sockets._drop(sid)
        return read(token)

    monkeypatch.setattr(tokens, "actor_of", meanwhile)
    client.emit("authenticate", {"token": admin.token})

    assert (client.is_connected(), len(sockets)) == (False, 0)
