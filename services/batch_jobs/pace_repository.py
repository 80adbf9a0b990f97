"""Pacing without Redis: one document per account, each question one conditional update by MongoDB's clock."""

from collections.abc import Sequence
from typing import Any, Final

from services.batch_jobs.documents import PACES
from services.batch_jobs.pacing import (
    CLIMB_SECONDS,
    LINE_SECONDS,
    SMALLEST_SHARE,
    Grant,
    Pace,
)
from services.ports import Limit
from utils.store import PLATFORM, Store

# All times are milliseconds since 1970, as numbers: an interval may be shorter than one.
NOW: Final = {"now": {"$toLong": "$$NOW"}}
NEARLY: Final = 1e-6  # what a sum of intervals may lack


class MongoPacer:
    """A Pacer that needs nothing but the database."""

    def __init__(self, store: Store) -> None:
        self._paces = store.system(PACES)

    def take(self, key: str, limits: Sequence[Limit], most: int) -> Grant:
        """Take up to ``most`` calls, as many as every limit allows now."""
        row = self._paces.find_and_update(PLATFORM, {"_id": key}, _taking(limits, most), upsert=True)
        if row is None:
            raise LookupError(key)  # an upsert always has a row
        return Grant(int(row["granted"]), max(0.0, float(row["wait"]) / 1000))

    def freeze(self, key: str, limits: Sequence[Limit], seconds: float) -> None:
        """Let nothing go for ``seconds``, then go half as fast."""
        self._paces.find_and_update(PLATFORM, {"_id": key}, _freezing(limits, seconds), upsert=True)

    def pace(self, key: str) -> Pace:
        """Return how fast it goes now."""
        left = {"$subtract": ["$frozen", "$now"]}
        shown: list[dict[str, Any]] = [
            {"$set": NOW},
            {"$set": {"speed": _SPEED, "left": {"$max": [0, left]}}},
        ]
        rows = self._paces.aggregate(PLATFORM, {"_id": key}, shown)
        return Pace(float(rows[0]["speed"]), float(rows[0]["left"]) / 1000) if rows else Pace()


_BEGIN: Final = {
    **NOW,
    "frozen": {"$ifNull": ["$frozen", 0]},
    "share": {"$ifNull": ["$share", 1]},
    "line": {"$ifNull": ["$line", 0]},
}
_SINCE: Final = {"$max": [0, {"$subtract": ["$now", "$frozen"]}]}
_SPEED: Final = {"$min": [1, {"$add": ["$share", {"$divide": [_SINCE, CLIMB_SECONDS * 1000]}]}]}


def _taking(limits: Sequence[Limit], most: int) -> list[dict[str, Any]]:
    free = {"$min": [most, *(_free(limit) for limit in limits)]}
    some = {"$gt": ["$granted", 0]}
    return [
        {"$set": {**_BEGIN, "tat": {limit.name: _tat(limit) for limit in limits}}},
        {"$set": {"speed": _SPEED}},
        {"$set": {"granted": {"$cond": [{"$lt": ["$now", "$frozen"]}, 0, {"$max": [0, free]}]}}},
        {"$set": {"back": {"$max": ["$line", "$frozen", *(_even(limit) for limit in limits)]}}},
        {
            "$set": {
                "tat": {limit.name: _moved(limit) for limit in limits},
                "wait": {"$cond": [some, 0, {"$subtract": ["$back", "$now"]}]},
                "line": {"$cond": [some, "$line", _place(limits)]},
            }
        },
    ]


def _freezing(limits: Sequence[Limit], seconds: float) -> list[dict[str, Any]]:
    half = {"$max": [SMALLEST_SHARE, {"$divide": [_SPEED, 2]}]}
    spent = {limit.name: {"$add": ["$frozen", limit.ahead * 1000]} for limit in limits if limit.short}
    return [
        {"$set": _BEGIN},
        {"$set": {"share": {"$cond": [{"$lt": ["$now", "$frozen"]}, "$share", half]}}},
        {"$set": {"frozen": {"$max": ["$frozen", {"$add": ["$now", seconds * 1000]}]}}},
        {"$set": {"tat": spent}},
    ]


def _tat(limit: Limit) -> dict[str, Any]:
    return {"$max": [{"$toLong": "$$NOW"}, {"$ifNull": [f"$tat.{limit.name}", 0]}]}


def _span(limit: Limit) -> dict[str, Any]:
    return {"$divide": [limit.interval * 1000, "$speed" if limit.short else 1]}


def _even(limit: Limit) -> dict[str, Any]:
    """When one call fits again."""
    return {"$subtract": [f"$tat.{limit.name}", limit.ahead * 1000]}


def _free(limit: Limit) -> dict[str, Any]:
    """How many calls fit: the first at the moment when one does, each further one a span later."""
    late = {"$divide": [{"$subtract": ["$now", _even(limit)]}, _span(limit)]}
    return {"$floor": {"$add": [1 + NEARLY, late]}}


def _moved(limit: Limit) -> dict[str, Any]:
    return {"$add": [f"$tat.{limit.name}", {"$multiply": ["$granted", _span(limit)]}]}


def _place(limits: Sequence[Limit]) -> dict[str, Any]:
    """Where the line ends once whoever was refused stands in it: those limits count that hold them up."""
    soonest = {"$max": ["$now", "$frozen"]}
    steps = [
        {"$cond": [{"$gt": [{"$add": [_even(limit), _span(limit)]}, soonest]}, _span(limit), 0]}
        for limit in limits
    ]
    return {"$min": [{"$add": ["$now", LINE_SECONDS * 1000]}, {"$add": ["$back", {"$max": steps}]}]}
