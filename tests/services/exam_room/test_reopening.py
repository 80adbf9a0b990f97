"""Whoever was cut off when their time ended goes on where an order gives time back: once, on record."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask

from main import Runtime
from services.attempts.documents import Attempt
from services.ports import Lease
from tests.cast import Campus, Cast, Person
from tests.deaths import dies, points
from tests.exams import exam
from tests.sitting import answer, answers_of, attempts_of

RIGHT, WRONG = {"option": "b"}, {"option": "a"}
SILENT = 600  # seconds that nothing was heard of somebody before their time ended
ROOM = "/online_exam_management/tests"


@pytest.fixture
def sweep(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call it to sweep; no loop does so behind the test's back."""
    [loop] = [one for one in runtime.supervisor._loops if one.name == "sweep-attempts"]
    look = loop.tick
    monkeypatch.setattr(loop, "tick", lambda: None)
    return look


@pytest.fixture
def test(cast: Cast) -> Any:
    return exam(cast.north, ["single", "essay"], attempts_allowed=2)


@pytest.fixture
def asha(cast: Cast) -> Person:
    return cast.student(cast.north, "N-1")


def begun(person: Person, test: Any) -> str:
    """Begin an attempt and answer both questions, the first one wrongly."""
    attempt_id = str(person.post(attempts_of(test["id"]))["id"])
    save(person, attempt_id, 1, WRONG)
    person.put(answers_of(attempt_id), {"answers": [answer("2", 1, text="Once.")]})
    return attempt_id


def save(person: Person, attempt_id: str, seq: int, response: dict[str, str]) -> Any:
    return person.put(answers_of(attempt_id), {"answers": [answer("1", seq, **response)]})


def end(db: Any, attempt_id: str, silent: float = SILENT, ago: float = 30) -> None:
    """Let an attempt's time have ended ``ago`` seconds ago, nothing having been heard for so long before."""
    row, now = db.attempts.find_one({"_id": attempt_id}), datetime.now(UTC)
    over = now - timedelta(seconds=ago)
    moved = over - row["deadline_at"]
    times = {
        "started_at": row["started_at"] + moved,
        "window_end_at": row["window_end_at"] + moved,
        "deadline_at": over,
        "last_seen_at": over - timedelta(seconds=silent),
    }
    db.attempts.update_one({"_id": attempt_id}, {"$set": times})


def compensate(campus: Campus, test: Any, **wanted: Any) -> str:
    said = {"reason": "A power cut in hall 2", **wanted}
    return str(campus.admin.post(f"{ROOM}/{test['id']}/compensate", said, status=202)["id"])


def reached(campus: Campus, test: Any) -> list[int]:
    return [one["reached"] for one in campus.admin.get(f"{ROOM}/{test['id']}/orders")["items"]]


def stored(db: Any, attempt_id: str) -> Attempt:
    return Attempt.from_mongo(db.attempts.find_one({"_id": attempt_id}))


def traces(db: Any, attempt_id: str) -> tuple[int, int]:
    """Return how many scores and how many waiting answers there are of an attempt."""
    return (
        db.test_results.count_documents({"_id": attempt_id}),
        db.marking_tasks.count_documents({"attempt_id": attempt_id}),
    )


def test_who_was_cut_off_goes_on_from_now_with_what_was_lost_and_is_scored_anew(
    cast: Cast, asha: Person, test: Any, sweep: Any, db: Any, at_rest: Any
) -> None:
    attempt_id = begun(asha, test)
    end(db, attempt_id)
    sweep()
    at_rest()
    assert (stored(db, attempt_id).closed_by, traces(db, attempt_id)) == ("deadline", (1, 1))

    order_id = compensate(cast.north, test)
    at_rest()

    now = stored(db, attempt_id)
    left = (now.deadline_at - datetime.now(UTC)).total_seconds()
    assert (now.state, now.closed_by, now.submitted_at) == ("active", None, None)
    assert SILENT - 60 < left <= SILENT + 2
    assert (now.gap_seconds, now.compensated_seconds) == (SILENT, SILENT)
    assert traces(db, attempt_id) == (0, 0)
    assert reached(cast.north, test) == [1]
    [row] = [one for one in db.audit.find() if one["action"] == "attempt.reopened"]
    assert (row["actor_id"], row["target"]) == (cast.north.admin.id, f"attempt:{attempt_id}")
    assert row["detail"]["order_id"] == order_id

    # And whoever goes on does so with everything that was saved
    shown = asha.get(f"/student/attempts/{attempt_id}")
    assert {one["slot"]: one["response"] for one in shown["saved"]} == {"1": WRONG, "2": {"text": "Once."}}
    save(asha, attempt_id, 2, RIGHT)
    asha.post(f"/student/attempts/{attempt_id}/submit", status=200)
    at_rest()
    result = db.test_results.find_one({"_id": attempt_id})
    assert str(result["items"][0]["mark"]) == "1"
    assert traces(db, attempt_id) == (1, 1)
    marked = [one for one in db.engine_jobs.find() if one["name"] == "results.mark"]
    assert len(marked) == 2


def test_minutes_are_given_from_now_on_to_who_was_cut_off_and_to_who_sits(
    cast: Cast, asha: Person, test: Any, sweep: Any, db: Any, at_rest: Any
) -> None:
    cut_off, sits = begun(asha, test), begun(cast.student(cast.north, "N-2"), test)
    before = stored(db, sits).deadline_at
    end(db, cut_off, ago=300)
    sweep()

    compensate(cast.north, test, minutes=7)
    at_rest()

    now = stored(db, cut_off)
    assert 360 < (now.deadline_at - datetime.now(UTC)).total_seconds() <= 422
    assert (now.compensated_seconds, stored(db, sits).deadline_at - before) == (0, timedelta(minutes=7))
    assert reached(cast.north, test) == [2]


def test_who_was_cut_off_and_not_swept_yet_is_the_same(
    cast: Cast, asha: Person, test: Any, sweep: Any, db: Any, at_rest: Any
) -> None:
    attempt_id = begun(asha, test)
    end(db, attempt_id)

    compensate(cast.north, test)
    at_rest()
    sweep()

    assert (stored(db, attempt_id).state, reached(cast.north, test)) == ("active", [1])


@pytest.mark.parametrize("why", ["submitted", "there", "released", "went on", "long ago", "all given back"])
def test_nobody_else_goes_on(
    cast: Cast, asha: Person, test: Any, sweep: Any, db: Any, at_rest: Any, why: str
) -> None:
    attempt_id = begun(asha, test)
    if why == "submitted":
        asha.post(f"/student/attempts/{attempt_id}/submit", status=200)
    end(db, attempt_id, 30 if why == "there" else SILENT, 25 * 3600 if why == "long ago" else 30)
    sweep()
    if why == "released":
        db.test_results.update_one({"_id": attempt_id}, {"$set": {"released_at": datetime.now(UTC)}})
    elif why == "went on":
        asha.post(attempts_of(test["id"]))
    elif why == "all given back":
        db.attempts.update_one({"_id": attempt_id}, {"$set": {"compensated_seconds": SILENT}})
    before = (db.attempts.find_one({"_id": attempt_id}), traces(db, attempt_id))

    compensate(cast.north, test)
    at_rest()

    assert (db.attempts.find_one({"_id": attempt_id}), traces(db, attempt_id)) == before


def test_more_time_and_other_people_do_not_open_what_is_closed(
    cast: Cast, asha: Person, test: Any, sweep: Any, db: Any, at_rest: Any
) -> None:
    north = cast.north
    attempt_id, other = begun(asha, test), cast.student(north, "N-2")
    end(db, attempt_id)
    sweep()

    north.admin.post(f"{ROOM}/{test['id']}/extend", {"reason": "More time", "minutes": 5}, status=202)
    compensate(north, test, student_ids=[other.id])
    at_rest()

    assert (stored(db, attempt_id).state, reached(north, test)) == ("submitted", [0, 0])


def test_a_reopening_that_died_is_whole_or_nothing_and_done_by_the_next(
    cast: Cast,
    asha: Person,
    test: Any,
    sweep: Any,
    db: Any,
    runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch,
    at_rest: Any,
    app: Flask,
) -> None:
    attempt_id, carry = begun(asha, test), runtime.engine._handlers["exam_room.order"].run
    monkeypatch.setitem(runtime.engine._handlers, "exam_room.order", runtime.engine._handlers["files.sweep"])
    seen = 0
    for point in points():
        end(db, attempt_id)
        sweep()
        before = db.attempts.find_one({"_id": attempt_id})
        assert (before["state"], traces(db, attempt_id)) == ("submitted", (1, 1)), point
        args = {"order_id": compensate(cast.north, test), "campus_id": cast.north.id}
        lease = Lease("order", 1, args, 1, lambda: True)
        died = dies(monkeypatch, point, partial(carry, lease))

        opened = db.attempts.find_one({"_id": attempt_id})["state"] == "active"
        assert traces(db, attempt_id) == ((0, 0) if opened else (1, 1)), point
        carry(lease)

        now = stored(db, attempt_id)
        assert (now.state, traces(db, attempt_id)) == ("active", (0, 0)), point
        assert [one.order_id for one in now.grants].count(str(args["order_id"])) == 1, point
        if not died:
            break
        seen += 1
    assert seen >= 12
    assert len([one for one in db.audit.find() if one["action"] == "attempt.reopened"]) == seen + 1
