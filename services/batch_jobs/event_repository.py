"""Deliveries as events of the provider move them, and the events that no delivery is known for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from services.batch_jobs.documents import (
    DELIVERIES,
    UNMATCHED_EVENTS,
    Delivery,
    DeliveryState,
    UnmatchedEvent,
)
from services.batch_jobs.service import scope_of
from utils.scope import Scope
from utils.store import PLATFORM, Store

AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Told:
    """An event about one delivery: what it would make of it, with which rank, and when that was."""

    delivery: Delivery
    kind: str
    state: DeliveryState
    rank: int
    at: datetime
    at_known: bool
    message_id: str
    reason: str


class EventRepository:
    """Every event is one conditional update: what was told before changes nothing."""

    def __init__(self, store: Store) -> None:
        self._deliveries = store.rows(DELIVERIES)
        self._unmatched = store.system(UNMATCHED_EVENTS)

    def deliveries(self, ids: Collection[str], message_ids: Collection[str]) -> list[Delivery]:
        """Return the deliveries that have these ids of ours or of the provider, of whatever campus."""
        scope = Scope.unscoped("events of a provider")
        rows = []
        if ids:
            rows += self._deliveries.find(scope, {"_id": {"$in": list(ids)}})
        if message_ids:
            known = {
                "$in": list(message_ids),
                "$type": "string",
            }  # the type is what the partial index asks for
            rows += self._deliveries.find(scope, {"provider_message_id": known})
        return [Delivery.from_mongo(row) for row in {row["_id"]: row for row in rows}.values()]

    def apply(self, told: Sequence[Told]) -> None:
        """Note each event in its delivery's history, and move the state where the event goes further."""
        ordered = sorted(told, key=lambda one: one.delivery.campus_id or "")
        for campus_id, some in groupby(ordered, key=lambda one: one.delivery.campus_id):
            changes = [(_unless_known(one), [{"$set": _change(one)}]) for one in some]
            self._deliveries.update_each(scope_of(campus_id), changes)

    def keep(self, events: Sequence[UnmatchedEvent]) -> None:
        """Keep events of unknown messages; one that is kept already stays as it is."""
        for event in events:
            row = event.to_mongo()
            self._unmatched.update_one(PLATFORM, {"_id": row.pop("_id")}, {"$setOnInsert": row}, upsert=True)

    def due(self, now: datetime) -> list[UnmatchedEvent]:
        """Return kept events that are to be tried again, the oldest first."""
        query = {"due_at": {"$type": "date", "$lte": now}}
        rows = self._unmatched.find(PLATFORM, query, sort=[("due_at", 1)], limit=AT_ONCE)
        return [UnmatchedEvent.from_mongo(row) for row in rows]

    def postpone(self, event: UnmatchedEvent, due_at: datetime | None) -> None:
        """Try an event again at that time; never where there is none."""
        change = {"$set": {"due_at": due_at}, "$inc": {"tries": 1}}
        self._unmatched.update_one(PLATFORM, {"_id": event.id, "tries": event.tries}, change)

    def forget(self, event: UnmatchedEvent) -> None:
        """Remove an event that has found its delivery."""
        self._unmatched.delete_one(PLATFORM, {"_id": event.id})


def _unless_known(told: Told) -> dict[str, Any]:
    known = {"event": told.kind} | ({"at": told.at} if told.at_known else {})
    return {"_id": told.delivery.id, "history": {"$not": {"$elemMatch": known}}}


def _change(told: Told) -> dict[str, Any]:
    """Return the new fields; every value of the provider is a literal."""
    moves = {"$gt": [told.rank, {"$ifNull": ["$reported", 0]}]}
    reason = told.reason or None
    note = {"state": told.state, "at": told.at, "event": told.kind} | ({"reason": reason} if reason else {})
    error = f"{told.kind}: {reason}" if reason else str(told.kind)

    def if_moved(value: Any, field: str) -> dict[str, Any]:
        return {"$cond": [moves, value, f"${field}"]}

    known_id = {"$literal": told.message_id or None}
    return {
        "state": if_moved(told.state, "state"),
        "last_error": if_moved({"$literal": error if told.state in FAULTS else None}, "last_error"),
        "updated_at": if_moved("$$NOW", "updated_at"),
        "reported": {"$max": ["$reported", told.rank]},
        "provider_message_id": {"$ifNull": ["$provider_message_id", known_id]},
        "history": {"$concatArrays": ["$history", [{"$literal": note}]]},
    }


FAULTS: Final = frozenset({DeliveryState.BOUNCED, DeliveryState.COMPLAINED})
