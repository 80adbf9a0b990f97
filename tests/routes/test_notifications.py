"""/notifications: everybody's own inbox, and how messages get into it."""

from typing import Any

import pytest
from flask import Flask

from services.ports import Accepted, Channel, Message, SendUnit
from tests.cast import Cast, Person
from tests.waiting import until
from utils.documents import new_id

INBOX = "/notifications"


def put(runtime: Any, address: str, *titles: str) -> list[str]:
    """Bring notifications to an inbox; return their ids."""
    notes = [Message(new_id(), Channel.INBOX, address, "Asha", title, f"About {title}") for title in titles]
    assert isinstance(
        runtime.senders[Channel.INBOX].send(SendUnit("", Channel.INBOX, tuple(notes))), Accepted
    )
    return [note.delivery_id for note in notes]


def titles(who: Person, query: str = "") -> list[str]:
    return [note["title"] for note in who.get(f"{INBOX}{query}")["items"]]


def test_everybody_reads_their_own_inbox_page_by_page(cast: Cast, runtime: Any) -> None:
    # Given a student, an admin of the same campus, and a superadmin, each with an inbox
    north, student = cast.north, cast.student(cast.north, "R1")
    put(runtime, f"{north.id}/{student.id}", "first", "second", "third")
    put(runtime, f"{north.id}/{north.admin.id}", "for the admin")
    put(runtime, f"-/{cast.superadmin.id}", "for the root")

    # When each looks, whatever their role lets them see elsewhere
    assert titles(student) == ["third", "second", "first"]
    assert titles(north.admin) == ["for the admin"]
    assert titles(cast.superadmin) == ["for the root"]

    # Then a page ends where the next begins
    page = student.get(f"{INBOX}?limit=2")
    rest = student.get(f"{INBOX}?limit=2&cursor={page['next_cursor']}")
    assert [note["title"] for note in page["items"] + rest["items"]] == ["third", "second", "first"]
    assert page["items"][0] == {
        "id": page["items"][0]["id"],
        "title": "third",
        "text": "About third",
        "created_at": page["items"][0]["created_at"],
        "read_at": None,
    }


def test_what_was_read_is_no_longer_unread_and_stays_as_it_was_first_read(cast: Cast, runtime: Any) -> None:
    student = cast.student(cast.north, "R1")
    _, second, _ = put(runtime, f"{cast.north.id}/{student.id}", "first", "second", "third")
    assert student.get(f"{INBOX}/unread_count") == {"unread": 3}

    read = student.post(f"{INBOX}/{second}/read", status=200)
    again = student.post(f"{INBOX}/{second}/read", status=200)

    assert read["read_at"] is not None and again == read
    assert titles(student, "?unread=true") == ["third", "first"]
    assert student.post(f"{INBOX}/read_all", status=200) == {"read": 2}
    assert student.post(f"{INBOX}/read_all", status=200) == {"read": 0}
    assert student.get(f"{INBOX}/unread_count") == {"unread": 0}
    assert len(titles(student)) == 3


def test_nobody_reads_what_is_somebody_elses(cast: Cast, runtime: Any, db: Any) -> None:
    student = cast.student(cast.north, "R1")
    [note] = put(runtime, f"{cast.north.id}/{student.id}", "private")

    for other in (cast.north.admin, cast.superadmin, cast.student(cast.north, "R2")):
        other.post(f"{INBOX}/{note}/read", status=404)
        other.post(f"{INBOX}/read_all", status=200)

    assert db["notifications"].find_one({"_id": note})["read_at"] is None


@pytest.mark.parametrize("query", ["?unread=perhaps", "?user_id=1", "?sort=title", "?limit=0"])
def test_questions_that_make_no_sense_are_refused(cast: Cast, query: str) -> None:
    cast.north.admin.get(INBOX + query, status=422)


def test_a_notification_is_pushed_to_its_owners_sockets_once_and_to_no_others(
    cast: Cast, runtime: Any, app: Flask
) -> None:
    # Given the owner on two devices, and somebody else
    student, other = cast.student(cast.north, "R1"), cast.north.admin
    tokens = (student.token, student.token, other.token)
    sockets = [runtime.socketio.test_client(app, auth={"token": token}) for token in tokens]

    # When something comes, and is repeated after a lost answer
    note = Message(new_id(), Channel.INBOX, f"{cast.north.id}/{student.id}", "Asha", "News", "Hello")
    for _ in range(2):
        runtime.senders[Channel.INBOX].send(SendUnit("", Channel.INBOX, (note,)))

    # Then each of the owner's sockets hears of it once
    heard: list[list[Any]] = [[], [], []]

    def both() -> bool:
        for told, socket in zip(heard, sockets, strict=True):
            told += socket.get_received()
        return bool(heard[0] and heard[1])

    until(both, "the event on both devices", seen=lambda: heard)
    for told in heard[:2]:
        [event] = told
        assert event["name"] == "notification:new"
        assert event["args"][0]["title"] == "News" and event["args"][0]["id"] == note.delivery_id
    assert heard[2] == sockets[2].get_received() == []
    for socket in sockets:
        socket.disconnect()


@pytest.mark.parametrize("path", ["students/send_credentials", "imports"])
def test_credentials_never_go_to_the_inbox(cast: Cast, path: str) -> None:
    north, path = cast.north, f"/student_management/{path}"
    if path.endswith("imports"):
        from tests.cast import roster

        form = {"batch_id": north.batch_id, "file": roster("CSE,R1,Asha,,"), "channels": "email,inbox"}
        refused = north.admin.post(path, status=422, data=form)
    else:
        wanted = {"batch_id": north.batch_id, "channels": ["inbox"]}
        refused = north.admin.post(path, wanted, status=422)

    assert refused["errors"][0]["pointer"].startswith("/channels")
