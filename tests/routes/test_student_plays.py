"""What is heard is counted by the server: a link for each counted play, none past the limit."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from tests.cast import Cast, Person
from tests.exams import BANK, plan, publish
from tests.people import Place, place
from tests.questions import QUESTIONS
from tests.sitting import WAV, attempts_of, published, sitter


@pytest.fixture
def north(db: Any) -> Place:
    return place(db, "North")


@pytest.fixture
def asha(app: Flask, north: Place) -> Person:
    return sitter(app, north, "21CS001")


@pytest.fixture
def begun(asha: Person, north: Place, db: Any) -> str:
    """An attempt whose slot 1 may be heard twice; slot 2 lets nothing be heard."""
    return str(asha.post(attempts_of(published(db, north.id, ("listening_set", "single"))))["id"])


def plays_of(attempt_id: str) -> str:
    return f"/student/attempts/{attempt_id}/plays"


def test_plays_are_counted_shown_and_refused_past_the_limit(asha: Person, begun: str) -> None:
    before = asha.get(f"/student/attempts/{begun}")["plays"]
    heard = [asha.post(plays_of(begun), {"slot": "1"}) for _ in range(2)]
    problem = asha.post(plays_of(begun), {"slot": "1"}, status=409)

    assert before == [{"slot": "1", "played": 0, "left": 2}]
    assert [(one["played"], one["left"], one["link"]) for one in heard] == [(1, 1, None), (2, 0, None)]
    assert (problem["type"], problem["allowed"]) == ("/problems/plays-used-up", 2)
    assert asha.get(f"/student/attempts/{begun}")["plays"] == [{"slot": "1", "played": 2, "left": 0}]


def test_many_presses_at_once_are_as_many_plays_as_there_are(asha: Person, begun: str, db: Any) -> None:
    def press(_: int) -> int:
        return int(
            asha.http.application.test_client()
            .post(plays_of(begun), json={"slot": "1"}, headers={"Authorization": f"Bearer {asha.token}"})
            .status_code
        )

    with ThreadPoolExecutor(8) as pool:
        replies = sorted(pool.map(press, range(8)))

    assert replies == [201] * 2 + [409] * 6
    assert db.attempts.find_one({"_id": begun})["plays"] == {"1": 2}


def test_a_press_that_is_repeated_with_its_key_is_one_play(asha: Person, begun: str, db: Any) -> None:
    for _ in range(3):
        reply = asha.http.post(plays_of(begun), json={"slot": "1"}, headers={"Idempotency-Key": "press-1"})
        assert (reply.status_code, reply.get_json()["played"]) == (201, 1)

    assert db.attempts.find_one({"_id": begun})["plays"] == {"1": 1}


def test_extra_plays_of_a_student_are_there_from_the_start(asha: Person, north: Place, db: Any) -> None:
    db.students.update_one({"_id": asha.id}, {"$set": {"accommodations.extra_plays": 1}})
    begun = asha.post(attempts_of(published(db, north.id, ("listening_set",))))

    assert begun["plays"] == [{"slot": "1", "played": 0, "left": 3}]
    left = [asha.post(plays_of(begun["id"]), {"slot": "1"})["left"] for _ in range(3)]
    assert left == [2, 1, 0]
    asha.post(plays_of(begun["id"]), {"slot": "1"}, status=409)


@pytest.mark.parametrize("body", [{"slot": "2"}, {"slot": "9"}, {"slot": "$x"}, {}, {"slot": "1", "more": 1}])
def test_only_what_is_heard_is_played(asha: Person, begun: str, body: dict[str, str], db: Any) -> None:
    asha.post(plays_of(begun), body, status=422)

    assert db.attempts.find_one({"_id": begun})["plays"] == {}


def test_whoever_does_not_sit_now_hears_nothing(asha: Person, begun: str, app: Flask, north: Place) -> None:
    sitter(app, north, "21CS002").post(plays_of(begun), {"slot": "1"}, status=404)
    elsewhere = Person(app, "21cs001").post(plays_of(begun), {"slot": "1"}, status=409)
    asha.post(f"/student/attempts/{begun}/submit", status=200)
    closed = asha.post(plays_of(begun), {"slot": "1"}, status=409)

    assert elsewhere["type"].endswith("attempt-held-elsewhere")
    assert closed["type"].endswith("attempt-closed")
    assert asha.get(f"/student/attempts/{begun}")["plays"] == []


def test_a_play_has_a_link_to_the_sound_and_nothing_else_has(cast: Cast, at_rest: Any) -> None:
    north = cast.north
    student = cast.student(north, "N-1")
    wanted = {"purpose": "question_media", "name": "a.wav", "content_type": "audio/wav", "size": len(WAV)}
    made = north.admin.post("/files", wanted)
    sent = made["upload"]
    north.admin.http.put(sent["url"].partition(".test")[2], data=WAV, headers=sent["headers"])
    north.admin.post(f"/files/{made['file']['id']}/complete", status=202)
    at_rest()
    heard = QUESTIONS["listening_set"]
    body = {**heard["body"], "audio_file_id": made["file"]["id"]}
    asked = north.admin.post(BANK, {**heard, "body": body})["id"]
    test = publish(north.admin, plan(north, [asked]))
    begun = student.post(attempts_of(test["id"]))["id"]

    link = student.post(plays_of(begun), {"slot": "1"})["link"]

    with student.http.get(link["url"].removeprefix("http://versant.test")) as reply:
        assert (reply.status_code, reply.data) == (200, WAV)
    student.get(f"/files/{made['file']['id']}/link", status=403)
