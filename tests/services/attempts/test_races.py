"""Many at once: one attempt, one end, nothing late, nothing lost."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from config.permissions import Permission, Role
from main import Runtime
from models import Actor
from services.attempts.documents import GRACE_SECONDS
from services.attempts.problems import AttemptClosed
from services.attempts.schemas import AnswersPut, SavedOut
from tests.cast import Person
from tests.people import Place, place
from tests.sitting import answer, attempts_of, published, sitter
from utils.problems import Problem, Unavailable

RACERS = 50


@pytest.fixture
def north(db: Any) -> Place:
    return place(db, "North")


@pytest.fixture
def asha(app: Flask, north: Place) -> Person:
    return sitter(app, north, "21CS001")


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def acting(person: Person, campus_id: str, db: Any) -> Actor:
    [session] = db.sessions.find({"user_id": person.id})
    return Actor(
        id=person.id,
        role=Role.STUDENT,
        name="Asha",
        username=person.username,
        campus_id=campus_id,
        permissions=frozenset({Permission.ATTEMPT_TAKE}),
        session_id=session["_id"],
    )


@pytest.mark.parametrize("keys", [None, "same", "own"])
def test_fifty_presses_are_one_attempt(asha: Person, north: Place, db: Any, keys: str | None) -> None:
    test_id = published(db, north.id, attempts_allowed=9)

    def press(number: int) -> Any:
        headers = {"Idempotency-Key": f"{number if keys == 'own' else 0}"} if keys else {}
        return asha.http.application.test_client().post(
            attempts_of(test_id), headers={"Authorization": f"Bearer {asha.token}", **headers}
        )

    replies = together(RACERS, press)

    [row] = db.attempts.find({"test_id": test_id})
    assert {reply.status_code for reply in replies} <= {200, 201}
    assert {reply.get_json()["id"] for reply in replies} == {row["_id"]}
    if keys is None:
        assert [reply.status_code for reply in replies].count(201) == 1


def test_a_thousand_at_the_deadline_lose_nothing_and_win_nothing(
    asha: Person, north: Place, db: Any, runtime: Runtime
) -> None:
    attempt_id = asha.post(attempts_of(published(db, north.id)))["id"]
    actor, services = acting(asha, north.id, db), runtime.services
    end = datetime.now(UTC) + timedelta(seconds=1.5 - GRACE_SECONDS)
    db.attempts.update_one({"_id": attempt_id}, {"$set": {"deadline_at": end}})
    kept: list[tuple[int, SavedOut]] = []
    late: list[Problem] = []

    def race(racer: int) -> None:
        for turn in range(20):
            seq = turn * RACERS + racer
            body = AnswersPut.model_validate({"answers": [answer("1", seq, option=random.choice("abcd"))]})
            try:
                kept.append((seq, services.answers.save(attempt_id, body, actor)))
            except (AttemptClosed, Unavailable) as problem:
                late.append(problem)
            if racer == 0:
                services.attempt_closing.tick()

    together(RACERS, race)
    while db.attempts.find_one({"_id": attempt_id})["state"] == "active":
        services.attempt_closing.tick()

    row = db.attempts.find_one({"_id": attempt_id})
    assert row["answers"]["1"]["seq"] == max((saved.acks[0].seq for _, saved in kept), default=-1)
    assert all(saved.acks[0].seq >= seq for seq, saved in kept)
    assert max(saved.server_time for _, saved in kept) <= end + timedelta(seconds=GRACE_SECONDS)
    assert row["submitted_at"] > end + timedelta(seconds=GRACE_SECONDS)
    [result] = db.test_results.find()
    assert result["submitted_at"] == row["submitted_at"]
    assert len(kept) + len(late) == RACERS * 20


def test_submits_saves_and_sweeps_at_once_have_one_winner(
    asha: Person, north: Place, db: Any, runtime: Runtime
) -> None:
    attempt_id = asha.post(attempts_of(published(db, north.id)))["id"]
    actor, services = acting(asha, north.id, db), runtime.services

    def act(racer: int) -> Any:
        if racer % 3 == 0:
            return services.attempt_closing.submit(attempt_id, actor)
        body = AnswersPut.model_validate({"answers": [answer("1", racer, option="b")]})
        try:
            return services.answers.save(attempt_id, body, actor)
        except AttemptClosed as problem:
            return problem

    done = together(RACERS, act)

    [row], [result] = db.attempts.find(), db.test_results.find()
    saved = [one.acks[0].seq for one in done if isinstance(one, SavedOut)]
    assert len({one.receipt for one in done[::3]}) == 1
    assert row["answers"].get("1", {}).get("seq", -1) == max(saved, default=-1)
    assert (row["closed_by"], result["submitted_at"]) == ("student", row["submitted_at"])
    assert result["items"][0]["blank"] == (not saved)
