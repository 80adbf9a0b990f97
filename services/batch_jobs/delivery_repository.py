"""The collection ``deliveries``, and the changes that move one from state to state."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from services.batch_jobs.documents import DELIVERIES, OPEN_STATES, Delivery, DeliveryState
from services.ports import Channel
from utils.paging import Keyset
from utils.scope import Scope
from utils.store import Row, Store, by_id

KEPT_STEPS: Final = 40  # at each end of a history; what the provider tells has room besides


class DeliveryRepository:
    """Deliveries. Every change after the first names the fence of the lease it was made under."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(DELIVERIES)

    def add(self, scope: Scope, deliveries: Sequence[Delivery]) -> None:
        """Store new deliveries; a second of one job, recipient and channel raises DuplicateKeyError."""
        self._rows.insert_many(scope, [delivery.to_mongo() for delivery in deliveries])

    def open_in(self, scope: Scope, sub_batch_id: str) -> list[Delivery]:
        """Return what is still to be sent or settled, in order."""
        query = {"sub_batch_id": sub_batch_id, "state": {"$in": list(OPEN_STATES)}}
        rows = self._rows.find(scope, query, sort=[("number", 1)])
        return [Delivery.from_mongo(row) for row in rows]

    def begin(
        self, scope: Scope, ids: Sequence[str], fence: int, states: Sequence[DeliveryState]
    ) -> Sequence[Delivery]:
        """Write ``sending`` before the call; return what this fence now owns, as ``ids`` are ordered."""
        query = {"_id": {"$in": list(ids)}, "state": {"$in": list(states)}, "fence": {"$lte": fence}}
        change = {
            "state": DeliveryState.SENDING,
            "fence": fence,
            "attempts": {"$add": ["$attempts", 1]},
            "counted": True,
            "tried_at": {"$ifNull": ["$tried_at", "$$NOW"]},
            "first_call_at": {"$ifNull": ["$first_call_at", "$$NOW"]},
            "updated_at": "$$NOW",
            "history": and_then(DeliveryState.SENDING, None),
        }
        self._rows.update_many(scope, query, [{"$set": change}])
        owned = {"_id": {"$in": list(ids)}, "state": DeliveryState.SENDING, "fence": fence}
        rows = {row["_id"]: Delivery.from_mongo(row) for row in self._rows.find(scope, owned)}
        return [rows[delivery_id] for delivery_id in ids if delivery_id in rows]

    def settle(
        self,
        scope: Scope,
        ids: Sequence[str],
        fence: int,
        state: DeliveryState,
        reason: str | None = None,
        provider_ids: Sequence[str] = (),
    ) -> int:
        """Move open deliveries to ``state``; return how many a newer fence had not taken away.

        Only whoever began a delivery may give it back: an older claim may be calling for it all the same.
        """
        which = _begun(fence) if state is DeliveryState.PENDING else _mine(fence)
        query = {"_id": {"$in": list(ids)}, **which}
        return self._rows.update_many(scope, query, become(state, reason, ids, provider_ids))

    def correct(
        self,
        scope: Scope,
        ids: Sequence[str],
        fence: int,
        state: DeliveryState,
        reason: str | None = None,
        provider_ids: Sequence[str] = (),
    ) -> int:
        """Give a certain end to deliveries that a later claim had to call unknown; return how many.

        Only whoever called last knows: a call writes its fence, calling a delivery unknown does not.
        """
        query = {"_id": {"$in": list(ids)}, "fence": fence, "state": DeliveryState.UNKNOWN}
        return self._rows.update_many(scope, query, become(state, reason, ids, provider_ids))

    def rekey(self, scope: Scope, ids: Sequence[str], fence: int, unit: str) -> None:
        """Put refused deliveries into a new unit, to be tried as if for the first time."""
        change = become(DeliveryState.PENDING, "the unit was refused; tried again in a smaller one")
        change[0]["$set"] |= {"unit": unit}
        self._rows.update_many(scope, {"_id": {"$in": list(ids)}, **_begun(fence)}, change)

    def skip(self, scope: Scope, recipient_ids: Sequence[str], reason: str) -> int:
        """Send nothing more to these people, nor later; return how many messages will not leave."""
        theirs = {"recipient_id": {"$in": list(recipient_ids)}}
        called = {**theirs, "state": {"$in": [DeliveryState.SENDING, DeliveryState.UNKNOWN]}}
        self._rows.update_many(scope, called, [{"$set": {"ended": {"$literal": reason}}}])
        waiting = {**theirs, "state": {"$in": [DeliveryState.PENDING, DeliveryState.FAILED]}}
        return self._rows.update_many(scope, waiting, become(DeliveryState.SKIPPED, reason))

    def leave_out(self, scope: Scope, ids: Sequence[str], reason: str) -> None:
        """Skip deliveries for which nothing was called."""
        query = {"_id": {"$in": list(ids)}, "state": DeliveryState.PENDING}
        self._rows.update_many(scope, query, become(DeliveryState.SKIPPED, reason))

    def in_doubt(self, scope: Scope, sub_batch_id: str) -> list[Delivery]:
        """Return the unknown deliveries of a sub-batch that have not been sent anew, in order."""
        query = {"sub_batch_id": sub_batch_id, "state": DeliveryState.UNKNOWN, "resends": 0, "ended": None}
        return [Delivery.from_mongo(row) for row in self._rows.find(scope, query, sort=[("number", 1)])]

    def send_again(self, scope: Scope, ids: Sequence[str], unit: str) -> None:
        """Put unknown deliveries into a new unit, as if for the first time; each delivery once."""
        change = become(DeliveryState.PENDING, "nobody knows whether it left: sent once more")
        change[0]["$set"] |= {"unit": unit, "resends": 1, "counted": False, "tried_at": None}
        query = {"_id": {"$in": list(ids)}, "state": DeliveryState.UNKNOWN, "resends": 0, "ended": None}
        self._rows.update_many(scope, query, change)

    def regroup(self, scope: Scope, ids: Sequence[str], fence: int, unit: str) -> None:
        """Put deliveries that wait into a new unit; an older claim can then no longer begin them."""
        query = {"_id": {"$in": list(ids)}, "state": DeliveryState.PENDING, "fence": {"$lte": fence}}
        self._rows.update_many(scope, query, {"$set": {"unit": unit, "fence": fence}})

    def seconds_since(
        self, scope: Scope, delivery_id: str, moment: str, earliest: datetime | None = None
    ) -> float:
        """Return the age of a delivery's ``tried_at`` or ``first_call_at``, by MongoDB's clock.

        Where that is before ``earliest``, time counts from there.
        """
        begun = {"$max": [f"${moment}", earliest]}
        age = {"$project": {"ms": {"$subtract": ["$$NOW", begun]}}}
        rows = self._rows.aggregate(scope, {"_id": delivery_id}, [age])
        return float(rows[0]["ms"] or 0) / 1000 if rows else 0.0

    def counts(self, scope: Scope, job_id: str) -> dict[str, int]:
        """Return how many deliveries of a job are in each state: counted, not remembered."""
        group = {"$group": {"_id": "$state", "n": {"$sum": 1}}}
        rows = self._rows.aggregate(scope, {"job_id": job_id, "state": {"$gte": ""}}, [group])
        return {str(row["_id"]): int(row["n"]) for row in rows}

    def list_in(self, scope: Scope, job_id: str, state: DeliveryState | None, keyset: Keyset) -> list[Row]:
        """Return one more row than a page holds."""
        query = {"job_id": job_id, **({"state": state} if state else {}), **keyset.filter}
        return self._rows.find(scope, query, sort=keyset.order, limit=keyset.limit + 1)

    def recipients_among(self, scope: Scope, job_id: str, ids: Sequence[str]) -> set[str]:
        """Return those of these people to whom the job has a delivery."""
        query = {"job_id": job_id, "recipient_id": {"$in": list(ids)}}
        return {str(row["recipient_id"]) for row in self._rows.find(scope, query, {"recipient_id": 1})}

    def latest(self, scope: Scope, recipient_ids: Sequence[str]) -> dict[str, dict[Channel, DeliveryState]]:
        """Return the state of each person's newest delivery per channel."""
        newest: dict[str, dict[Channel, DeliveryState]] = {}
        rows = self._rows.find(
            scope,
            {"recipient_id": {"$in": list(recipient_ids)}},
            {"recipient_id": 1, "channel": 1, "state": 1},
            sort=[("recipient_id", 1), ("channel", 1), ("_id", -1)],
        )
        for row in rows:
            newest.setdefault(row["recipient_id"], {}).setdefault(Channel(row["channel"]), row["state"])
        return newest


def _mine(fence: int) -> dict[str, Any]:
    return {"fence": {"$lte": fence}, "state": {"$in": list(OPEN_STATES)}}


def _begun(fence: int) -> dict[str, Any]:
    return {"fence": fence, "state": {"$in": list(OPEN_STATES)}}


def become(
    state: DeliveryState, reason: str | None, ids: Sequence[str] = (), provider_ids: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return the change that moves deliveries to a state, with the reason and a step in their history.

    What might be sent in that state is skipped where nothing more may be sent (``Delivery.ended``).
    """
    change: dict[str, Any] = {
        "state": state,
        "updated_at": "$$NOW",
        "last_error": {"$literal": reason},
        "history": and_then(state, reason),
    }
    if state in (DeliveryState.PENDING, DeliveryState.FAILED):
        over, skipped = {"$gt": ["$ended", None]}, DeliveryState.SKIPPED
        change |= {
            "state": {"$cond": [over, skipped, state]},
            "last_error": {"$cond": [over, "$ended", {"$literal": reason}]},
            "history": {"$cond": [over, _step(skipped, "$ended"), change["history"]]},
        }
    if state is DeliveryState.PENDING:
        change["first_call_at"] = None  # certainly not taken: the next call is a first one
        change["reported"] = 0
    if provider_ids:
        change["provider_message_id"] = by_id(dict(zip(ids, provider_ids, strict=True)))
    return [{"$set": change}]


def and_then(state: DeliveryState, reason: str | None) -> dict[str, Any]:
    """Return the history with one more step; of a long one, how it began and how it goes on."""
    return _step(state, {"$literal": reason} if reason else None)


def _step(state: DeliveryState, reason: object) -> dict[str, Any]:
    entry = {"state": state, "at": "$$NOW"} | ({"reason": reason} if reason else {})
    ends = [{"$slice": ["$history", KEPT_STEPS]}, {"$slice": ["$history", 1 - KEPT_STEPS]}]
    kept = {"$cond": [{"$lt": [{"$size": "$history"}, 2 * KEPT_STEPS]}, "$history", {"$concatArrays": ends}]}
    return {"$concatArrays": [kept, [entry]]}
