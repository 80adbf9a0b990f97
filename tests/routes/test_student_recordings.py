"""What students say: uploaded for a question of their own running attempt, answered, heard by nobody else."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from main import Runtime
from services.files.checking import SWEEP_JOB
from services.files.service import MOST_RECORDINGS
from services.ports import Queue
from tests.cast import Cast, Person
from tests.people import Place, place
from tests.sitting import WAV, answer, answers_of, attempts_of, published, recorded, sitter

SOUND = {"content_type": "audio/wav", "size": len(WAV)}


@pytest.fixture
def north(db: Any) -> Place:
    return place(db, "North")


@pytest.fixture
def asha(app: Flask, north: Place) -> Person:
    return sitter(app, north, "21CS001")


@pytest.fixture
def begun(asha: Person, north: Place, db: Any) -> str:
    """An attempt: slots 1 and 2 are spoken, 3 is not, 4 is a set with a spoken child."""
    kinds = ("spoken", "spoken", "essay", "passage_set")
    return str(asha.post(attempts_of(published(db, north.id, kinds)))["id"])


def announced(person: Person, attempt_id: str, status: int = 201, **wanted: Any) -> Any:
    return person.post(f"/student/attempts/{attempt_id}/recordings", SOUND | wanted, status=status)


def test_a_recording_is_sent_answered_checked_and_heard_by_its_student(
    asha: Person, begun: str, at_rest: Any
) -> None:
    whole, part = recorded(asha, begun, "1"), recorded(asha, begun, "4", "spoken")

    given = [answer("1", 1, file_id=whole), answer("4", 2, children={"spoken": {"file_id": part}})]
    saved = asha.put(answers_of(begun), {"answers": given})
    at_rest()

    assert [ack["slot"] for ack in saved["acks"]] == ["1", "4"]
    file = asha.get(f"/student/recordings/{whole}")
    assert (file["state"], file["purpose"], file["scanned"]) == ("stored", "recording", False)
    link = asha.get(f"/student/recordings/{whole}/link")["url"].removeprefix("http://versant.test")
    with asha.http.get(link) as reply:
        assert (reply.status_code, reply.data) == (200, WAV)


@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [
        ({"slot": "3"}, "/slot"),
        ({"slot": "9"}, "/slot"),
        ({"slot": "4"}, "/slot"),
        ({"slot": "4", "child": "essay"}, "/child"),
        ({"slot": "1", "child": "spoken"}, "/child"),
        ({"slot": "$x"}, "/slot"),
        ({"slot": "1", "size": 0}, "/size"),
        ({"slot": "1", "size": 10 * 1024 * 1024 + 1}, ""),
        ({"slot": "1", "content_type": "image/png"}, ""),
        ({"slot": "1", "content_type": "text/html"}, ""),
        ({"slot": "1", "student_id": "somebody"}, "/student_id"),
    ],
)
def test_only_sound_for_what_is_spoken_is_taken(
    asha: Person, begun: str, wanted: dict[str, Any], pointer: str
) -> None:
    problem = announced(asha, begun, 422, **wanted)

    assert pointer in [error["pointer"] for error in problem["errors"]]


def test_an_answer_names_what_was_sent_for_it_and_nothing_else(
    asha: Person, begun: str, app: Flask, north: Place, db: Any
) -> None:
    other = sitter(app, north, "21CS002")
    test_id = db.attempts.find_one({"_id": begun})["test_id"]
    theirs = recorded(other, other.post(attempts_of(test_id))["id"], "1")
    again = asha.post(attempts_of(published(db, north.id, ("spoken",))))["id"]
    wrong = {
        "invented": "0" * 24,
        "another's": theirs,
        "of another attempt": recorded(asha, again, "1"),
        "of another slot": recorded(asha, begun, "2"),
        "of a child": recorded(asha, begun, "4", "spoken"),
        "not sent": announced(asha, begun, slot="1")["file"]["id"],
    }

    for why, file_id in wrong.items():
        given = [answer("3", 1, text="x"), answer("1", 2, file_id=file_id)]
        problem = asha.put(answers_of(begun), {"answers": given}, status=422)
        assert [error["pointer"] for error in problem["errors"]] == ["/answers/1/response/file_id"], why
    child = [answer("4", 3, children={"spoken": {"file_id": wrong["of another slot"]}})]
    problem = asha.put(answers_of(begun), {"answers": child}, status=422)
    assert problem["errors"][0]["pointer"] == "/answers/0/response/children/spoken/file_id"
    assert asha.get(f"/student/attempts/{begun}")["saved"] == []


def test_nobody_else_finds_a_recording_by_whatever_way(cast: Cast, app: Flask, at_rest: Any, db: Any) -> None:
    north = cast.north
    speaker, other = cast.student(north, "N-1"), cast.student(north, "N-2")
    begun = speaker.post(attempts_of(published(db, north.id, ("spoken",))))["id"]
    file_id = recorded(speaker, begun, "1")
    at_rest()

    for path in ("", "/link"):
        other.get(f"/student/recordings/{file_id}{path}", status=404)
        north.admin.get(f"/student/recordings/{file_id}{path}", status=403)
        for admin in (north.admin, cast.superadmin):
            admin.get(f"/files/{file_id}{path}", status=404)
    other.post(f"/student/recordings/{file_id}/complete", status=404)
    announced(other, begun, 404, slot="1")
    north.admin.delete(f"/files/{file_id}", status=404)
    north.admin.post("/files", {**SOUND, "purpose": "recording", "name": "a.wav"}, status=422)


def test_whoever_does_not_sit_the_attempt_now_records_nothing(
    asha: Person, begun: str, north: Place, app: Flask, db: Any
) -> None:
    elsewhere = Person(app, "21cs001")
    problem = announced(elsewhere, begun, 409, slot="1")
    assert problem["type"].endswith("attempt-held-elsewhere")

    row = db.attempts.find_one({"_id": begun})
    over = row["started_at"] - timedelta(seconds=6)
    db.attempts.update_one({"_id": begun}, {"$set": {"deadline_at": over}})

    assert announced(asha, begun, 409, slot="1")["type"].endswith("attempt-closed")


def test_a_slot_takes_so_many_recordings_and_no_more(asha: Person, begun: str) -> None:
    for _ in range(MOST_RECORDINGS):
        announced(asha, begun, slot="1")

    problem = announced(asha, begun, 409, slot="1")

    assert (problem["type"], problem["most"]) == ("/problems/too-many-recordings", MOST_RECORDINGS)
    announced(asha, begun, slot="2")


def test_what_was_answered_outlives_the_sweep(
    asha: Person, begun: str, at_rest: Any, runtime: Runtime, db: Any
) -> None:
    file_id = recorded(asha, begun, "1")
    never = announced(asha, begun, slot="2")["file"]["id"]
    asha.put(answers_of(begun), {"answers": [answer("1", 1, file_id=file_id)]})
    at_rest()
    old = db.files.find_one({"_id": file_id})["created_at"] - timedelta(days=30)
    db.files.update_many({}, {"$set": {"created_at": old}})

    runtime.engine.submit(SWEEP_JOB, {}, queue=Queue.FILES, key="sweep now")
    at_rest()

    assert [row["_id"] for row in db.files.find()] == [file_id] != [never]
    asha.get(f"/student/recordings/{file_id}/link")
