"""The ``message_quotas`` collection: how many messages a campus has handed over on its day, per channel."""

from dataclasses import dataclass
from typing import Any

from pymongo.errors import DuplicateKeyError

from services.batch_jobs.documents import QUOTAS
from services.ports import Channel
from utils.scope import Scope
from utils.store import Store


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many messages were granted, of which day, and how long that day still lasts."""

    granted: int
    day: str
    seconds_left: float


class QuotaRepository:
    """One document per campus and channel. The day is the campus's own, by MongoDB's clock."""

    def __init__(self, store: Store) -> None:
        self._quotas = store.rows(QUOTAS)

    def reserve(self, scope: Scope, channel: Channel, timezone: str, wanted: int, quota: int) -> Allowance:
        """Count up to ``wanted`` messages, as many as the day's quota still holds."""
        change: list[dict[str, Any]] = [
            {"$set": {"channel": channel, "today": _day(timezone), "left_ms": _left(timezone)}},
            {"$set": {"used": {"$cond": [{"$eq": ["$day", "$today"]}, "$used", 0]}, "day": "$today"}},
            {"$set": {"granted": {"$max": [0, {"$min": [wanted, {"$subtract": [quota, "$used"]}]}]}}},
            {"$set": {"used": {"$add": ["$used", "$granted"]}}},
        ]
        one = _one(scope, channel)
        try:
            row = self._quotas.find_and_update(scope, one, change, upsert=True)
        except DuplicateKeyError:  # somebody else was the first of this campus, at this very moment
            row = self._quotas.find_and_update(scope, one, change)
        if row is None:
            raise LookupError(channel)  # an upsert always has a row
        return Allowance(int(row["granted"]), str(row["day"]), float(row["left_ms"]) / 1000)

    def give_back(self, scope: Scope, channel: Channel, day: str, count: int) -> None:
        """Take back what was counted on ``day`` and not handed over; too late once the day is over."""
        self._quotas.update_one(scope, {**_one(scope, channel), "day": day}, {"$inc": {"used": -count}})


def _one(scope: Scope, channel: Channel) -> dict[str, Any]:
    return {"_id": f"{scope.campus_id}:{channel}", "campus_id": scope.campus_id}


def _day(timezone: str) -> dict[str, Any]:
    return {"$dateToString": {"date": "$$NOW", "format": "%Y-%m-%d", "timezone": timezone}}


def _left(timezone: str) -> dict[str, Any]:
    """Milliseconds to the next midnight there, also on a day of 23 or 25 hours."""
    today = {"$dateTrunc": {"date": "$$NOW", "unit": "day", "timezone": timezone}}
    tomorrow = {"$dateAdd": {"startDate": today, "unit": "day", "amount": 1, "timezone": timezone}}
    return {"$subtract": [tomorrow, "$$NOW"]}
