"""Attempts as those who sit see them. Every step is one conditional update by mongod's clock."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from services.attempts.deadline import IN_TIME, OVERDUE, RECKONED
from services.attempts.documents import (
    ATTEMPT_EVENTS,
    ATTEMPTS,
    GAP_SECONDS,
    Attempt,
    AttemptEvent,
    AttemptState,
    ClosedBy,
)
from utils.scope import Scope
from utils.store import Row, ScopeRule, Store

RULE: Final = ScopeRule(course="course_ids", own="student_id")
SWEEP: Final = Scope.unscoped("sweep of attempts whose time is over")
_SILENCE: Final = {"$subtract": ["$$NOW", "$last_seen_at"]}  # in milliseconds
_GAP: Final = {"$toInt": {"$floor": {"$divide": [_SILENCE, 1000]}}}
# What every sign of a client changes: when it was last seen, and what of the time before counts as lost.
SEEN: Final[Mapping[str, Any]] = {
    "last_seen_at": "$$NOW",
    "gap_seconds": {
        "$add": [
            "$gap_seconds",
            {"$cond": [{"$gte": [_SILENCE, GAP_SECONDS * 1000]}, _GAP, 0]},
        ]
    },
}


class Now(NamedTuple):
    """An attempt as it is, and what time the database has."""

    attempt: Attempt
    server_time: datetime


class Answer(NamedTuple):
    """An answer to be kept where nothing newer is."""

    slot: str
    seq: int
    response: Mapping[str, Any]
    digest: str


class Kept(NamedTuple):
    """What a save left: by slot the newest ``seq`` and its digest, the time, and when the attempt ends."""

    newest: Mapping[str, tuple[int, str]]
    server_time: datetime
    deadline: datetime


class AttemptRepository:
    """Attempts of whoever sits them."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(ATTEMPTS, RULE)
        self._events = store.rows(ATTEMPT_EVENTS, RULE)

    def latest(self, scope: Scope, test_id: str) -> Now | None:
        """Return the newest attempt of one person's scope at a test."""
        pipeline: list[Row] = [{"$sort": {"number": -1}}, {"$limit": 1}, _WITH_TIME]
        return _now(self._rows.aggregate(scope, {"test_id": test_id}, pipeline, hint="once"))

    def find(self, scope: Scope, attempt_id: str) -> Now | None:
        """Return an attempt of the scope."""
        return _now(self._rows.aggregate(scope, {"_id": attempt_id}, [_WITH_TIME]))

    def begin(
        self, scope: Scope, attempt_id: str, key: Mapping[str, Any], facts: Mapping[str, Any]
    ) -> Attempt:
        """Store a new attempt that begins now; DuplicateKeyError where its ``key`` has one already.

        ``key``: test and number. Person and campus are those of the scope.
        """
        first = {name: {"$literal": value} for name, value in facts.items()}
        times = {"started_at": "$$NOW", "last_seen_at": "$$NOW"}
        row = self._rows.find_and_update(
            scope, {"_id": attempt_id, **key}, [{"$set": {**first, **times}}, RECKONED], upsert=True
        )
        return Attempt.from_mongo(row or {})

    def save(self, scope: Scope, attempt_id: str, session_id: str, answers: Sequence[Answer]) -> Kept | None:
        """Keep each answer that is newer than what is there, as part of an attempt that takes answers now.

        None, and nothing kept, where it does not: not there, closed, over, or held by another session.
        """
        query, change = saving(attempt_id, session_id, answers)
        row = self._rows.find_and_update(scope, query, change, projection=shown(answers))
        return kept(row, answers) if row else None

    def seal(self, scope: Scope, attempt_id: str, session_id: str, slot: str) -> Attempt | None:
        """Make the answer in a slot final; None where there is none, or the attempt takes nothing now."""
        query = {**_open(attempt_id, session_id), f"answers.{slot}": {"$exists": True}, **IN_TIME}
        change = {f"answers.{slot}.final": True, **SEEN}
        return _attempt(self._rows.find_and_update(scope, query, [{"$set": change}]))

    def play(self, scope: Scope, attempt_id: str, session_id: str, slot: str, most: int | None) -> Now | None:
        """Count one more play of a slot, of so many and the attempt's extra ones; None if it may not be."""
        played: Row = {"$ifNull": [f"$plays.{slot}", 0]}
        conditions = [IN_TIME["$expr"]]
        if most is not None:
            conditions.append({"$lt": [played, {"$add": [most, {"$ifNull": ["$extra_plays", 0]}]}]})
        query = {**_open(attempt_id, session_id), "$expr": {"$and": conditions}}
        change = {f"plays.{slot}": {"$add": [played, 1]}, **SEEN}
        row = self._rows.find_and_update(scope, query, [{"$set": change}])
        return Now(Attempt.from_mongo(row), row["last_seen_at"]) if row else None

    def report(self, scope: Scope, attempt_id: str, session_id: str, flags: int) -> Now | None:
        """Note that a client is there and that it reports so many events; None where it takes nothing now."""
        flagged = {"flags": {"$add": ["$flags", flags]}}
        row = self._rows.find_and_update(
            scope, {**_open(attempt_id, session_id), **IN_TIME}, [{"$set": {**flagged, **SEEN}}]
        )
        return Now(Attempt.from_mongo(row), row["last_seen_at"]) if row else None

    def add_events(self, scope: Scope, events: Sequence[AttemptEvent]) -> None:
        """Store events."""
        self._events.insert_many(scope, [event.to_mongo() for event in events])

    def take_over(self, scope: Scope, attempt_id: str, session_id: str) -> Now | None:
        """Let another session save from now on; None where the attempt takes no more answers."""
        query = {"_id": attempt_id, "state": AttemptState.ACTIVE, **IN_TIME}
        change = {"session_id": {"$literal": session_id}, **SEEN}
        row = self._rows.find_and_update(scope, query, [{"$set": change}])
        return Now(Attempt.from_mongo(row), row["last_seen_at"]) if row else None

    def submit(self, scope: Scope, attempt_id: str, session_id: str) -> Attempt | None:
        """Close an attempt for whoever sits it; None where it takes nothing now."""
        query = {**_open(attempt_id, session_id), **IN_TIME}
        return _attempt(self._rows.find_and_update(scope, query, _closed(ClosedBy.STUDENT)))

    def close(self, scope: Scope, attempt_id: str, by: ClosedBy) -> Attempt | None:
        """Close an open attempt, by its deadline only where that is over; None where there is none."""
        query: Row = {"_id": attempt_id, "state": AttemptState.ACTIVE}
        query |= OVERDUE if by is ClosedBy.DEADLINE else {}
        return _attempt(self._rows.find_and_update(scope, query, _closed(by)))

    def overdue(self, limit: int) -> list[str]:
        """Return open attempts whose time is over and that nobody is closing, longest over first."""
        query = {"state": AttemptState.ACTIVE, "$and": [OVERDUE, _UNCLAIMED]}
        order = [("deadline_at", 1)]
        rows = self._rows.find(SWEEP, query, {"_id": 1}, sort=order, limit=limit, hint="overdue")
        return [str(row["_id"]) for row in rows]

    def claim(self, attempt_ids: Sequence[str], token: str, seconds: int) -> list[Attempt]:
        """Lease those of these attempts that nobody else is closing, and return them."""
        ids = {"_id": {"$in": list(attempt_ids)}, "state": AttemptState.ACTIVE}
        claim = {"token": {"$literal": token}, "until": {"$add": ["$$NOW", seconds * 1000]}}
        self._rows.update_many(SWEEP, {**ids, **_UNCLAIMED}, [{"$set": {"closing": claim}}])
        rows = self._rows.find(SWEEP, {**ids, "closing.token": token})
        return [Attempt.from_mongo(row) for row in rows]


def saving(attempt_id: str, session_id: str, answers: Sequence[Answer]) -> tuple[Row, list[Row]]:
    """Return what filters the attempt that takes these answers now, and how they change it."""
    newest = {f"answers.{one.slot}": _newer(one) for one in answers}
    return {**_open(attempt_id, session_id), **IN_TIME}, [{"$set": {**newest, **SEEN}}]


def shown(answers: Sequence[Answer]) -> Row:
    """Return what has to be read of an attempt for what a save of these answers left."""
    slots = {f"answers.{one.slot}.{name}": 1 for one in answers for name in ("seq", "digest")}
    return {"deadline_at": 1, "last_seen_at": 1, **slots}


def kept(row: Row, answers: Sequence[Answer]) -> Kept:
    """Return what a save left, of a row that may hold more than was asked for.

    Of one that the driver had to repeat MongoDB returns the whole row, and several saves are read together.
    """
    stored = {one.slot: row["answers"][one.slot] for one in answers}
    newest = {slot: (int(one["seq"]), str(one["digest"])) for slot, one in stored.items()}
    return Kept(newest, row["last_seen_at"], row["deadline_at"])


_WITH_TIME: Final = {"$set": {"server_time": "$$NOW"}}
_UNCLAIMED: Final = {"$expr": {"$lt": [{"$ifNull": ["$closing.until", "$started_at"]}, "$$NOW"]}}


def _open(attempt_id: str, session_id: str) -> Row:
    return {"_id": attempt_id, "state": AttemptState.ACTIVE, "session_id": session_id}


def _closed(by: ClosedBy) -> list[Row]:
    return [{"$set": {"state": AttemptState.SUBMITTED, "closed_by": by, "submitted_at": "$$NOW"}}]


def _newer(answer: Answer) -> Row:
    """Return what stands in a slot afterwards. What was typed is ``$literal``, or it is evaluated."""
    there = f"$answers.{answer.slot}"
    kept = {
        "seq": {"$literal": answer.seq},
        "response": {"$literal": dict(answer.response)},
        "digest": {"$literal": answer.digest},
        "at": "$$NOW",
    }
    newer = {"$gt": [{"$literal": answer.seq}, {"$ifNull": [f"{there}.seq", -1]}]}
    return {"$cond": [{"$and": [newer, {"$ne": [f"{there}.final", True]}]}, kept, there]}


def _attempt(row: Row | None) -> Attempt | None:
    return Attempt.from_mongo(row) if row else None


def _now(rows: Sequence[Row]) -> Now | None:
    return Now(Attempt.from_mongo(rows[0]), rows[0]["server_time"]) if rows else None
