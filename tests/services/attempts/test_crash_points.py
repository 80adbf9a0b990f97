"""Start, save, submit and sweep may die at every command: whoever repeats finds everything right."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from main import Runtime
from tests.cast import Person
from tests.deaths import Point, dies, points
from tests.people import Place, place
from tests.sitting import answer, answers_of, attempts_of, published, sitter

FIRST, SECOND = {"option": "a"}, {"option": "b"}


@pytest.fixture
def north(db: Any) -> Place:
    return place(db, "North")


@pytest.fixture
def asha(app: Flask, north: Place) -> Person:
    return sitter(app, north, "21CS001")


@pytest.fixture
def nobody_sweeps(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no loop of this process close attempts behind the test's back."""
    [loop] = [one for one in runtime.supervisor._loops if one.name == "sweep-attempts"]
    monkeypatch.setattr(loop, "tick", lambda: None)


@pytest.fixture
def at_every_point(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[], Callable[[], object]]], Iterator[Point]]:
    """Yield each point at which work dies, in a process that remembers nothing, made ready by ``prepare``."""

    def walk(prepare: Callable[[], Callable[[], object]]) -> Iterator[Point]:
        for point in points():
            work = prepare()
            memory = runtime.services.answers._ground.memory
            memory.attempts.clear()
            memory.sheets.clear()
            memory.tests.clear()
            if not dies(monkeypatch, point, work):
                return
            yield point

    return walk


def save(person: Person, attempt_id: str, seq: int, response: dict[str, str]) -> Any:
    return person.put(answers_of(attempt_id), {"answers": [answer("1", seq, **response)]})


def test_a_start_that_died_is_one_attempt(asha: Person, north: Place, db: Any, at_every_point: Any) -> None:
    test_id = ""

    def prepare() -> Callable[[], object]:
        nonlocal test_id
        test_id = published(db, north.id)
        return lambda: asha.http.post(attempts_of(test_id))

    seen = 0
    for point in at_every_point(prepare):
        seen += 1
        reply = asha.http.post(attempts_of(test_id))

        rows = list(db.attempts.find({"test_id": test_id}))
        assert len(rows) == 1, point
        assert reply.status_code in (200, 201), point
        assert (reply.get_json()["id"], rows[0]["number"]) == (rows[0]["_id"], 1), point
        assert rows[0]["deadline_at"] - rows[0]["started_at"] <= timedelta(hours=1), point
    assert seen >= 8


def test_a_start_with_a_key_that_died_is_one_attempt(
    asha: Person, north: Place, db: Any, at_every_point: Any
) -> None:
    test_id = ""

    def start() -> Any:
        return asha.http.post(attempts_of(test_id), headers={"Idempotency-Key": test_id})

    def prepare() -> Callable[[], object]:
        nonlocal test_id
        test_id = published(db, north.id)
        return start

    for point in at_every_point(prepare):
        first, second = start(), start()

        assert first.get_json() == second.get_json(), point
        assert db.attempts.count_documents({"test_id": test_id}) == 1, point


def test_a_save_that_died_is_there_or_not_and_repeats(
    asha: Person, north: Place, db: Any, at_every_point: Any
) -> None:
    attempt_id = ""

    def prepare() -> Callable[[], object]:
        nonlocal attempt_id
        attempt_id = asha.post(attempts_of(published(db, north.id)))["id"]
        save(asha, attempt_id, 1, FIRST)
        return lambda: save(asha, attempt_id, 2, SECOND)

    seen = 0
    for point in at_every_point(prepare):
        seen += 1
        kept = db.attempts.find_one({"_id": attempt_id})["answers"]["1"]
        assert (kept["seq"], kept["response"]) in ((1, FIRST), (2, SECOND)), point

        assert save(asha, attempt_id, 2, SECOND)["acks"] == [{"slot": "1", "seq": 2}]

        kept = db.attempts.find_one({"_id": attempt_id})["answers"]["1"]
        assert (kept["seq"], kept["response"]) == (2, SECOND), point
    assert seen >= 2


def test_a_submit_that_died_is_whole_or_nothing_and_repeats(
    asha: Person, north: Place, db: Any, at_every_point: Any
) -> None:
    attempt_id = ""

    def submit() -> Any:
        return asha.post(f"/student/attempts/{attempt_id}/submit", status=200)

    def prepare() -> Callable[[], object]:
        nonlocal attempt_id
        attempt_id = asha.post(attempts_of(published(db, north.id, ("single", "essay"))))["id"]
        save(asha, attempt_id, 1, SECOND)
        return submit

    seen = 0
    for point in at_every_point(prepare):
        seen += 1
        state = db.attempts.find_one({"_id": attempt_id})["state"]
        assert db.test_results.count_documents({"_id": attempt_id}) == (state == "submitted"), point

        done = submit()

        _is_closed_once(db, attempt_id, "student", point)
        assert submit() == done, point
    assert seen >= 6


@pytest.mark.usefixtures("nobody_sweeps")
def test_a_sweep_that_died_is_done_by_the_next(
    asha: Person, north: Place, db: Any, runtime: Runtime, at_every_point: Any
) -> None:
    attempt_id, closing = "", runtime.services.attempt_closing

    def prepare() -> Callable[[], object]:
        nonlocal attempt_id
        attempt_id = asha.post(attempts_of(published(db, north.id)))["id"]
        save(asha, attempt_id, 1, SECOND)
        over = {"deadline_at": datetime.now(UTC) - timedelta(minutes=1)}
        db.attempts.update_one({"_id": attempt_id}, {"$set": over})
        return closing.tick

    seen = 0
    for point in at_every_point(prepare):
        seen += 1
        if db.attempts.find_one({"_id": attempt_id})["state"] == "active":
            closing.tick()
            held = db.attempts.find_one({"_id": attempt_id})
            if held["state"] == "active":  # by the lease of the one that died
                assert held["closing"]["until"] > datetime.now(UTC), point
                db.attempts.update_one({"_id": attempt_id}, {"$set": {"closing.until": held["started_at"]}})
        closing.tick()

        _is_closed_once(db, attempt_id, "deadline", point)
    assert seen >= 8


def _is_closed_once(db: Any, attempt_id: str, by: str, point: Point) -> None:
    row, result = db.attempts.find_one({"_id": attempt_id}), db.test_results.find_one({"_id": attempt_id})
    assert (row["state"], row["closed_by"]) == ("submitted", by), point
    assert row["answers"]["1"]["response"] == SECOND, point
    assert result["submitted_at"] == row["submitted_at"], point
    [first, *_] = result["items"]
    assert str(first["mark"]) == "1", point
