"""The ``login_throttle`` collection: failed tries per lane, by MongoDB's clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Final, Self

from services.accounts.documents import LOGIN_THROTTLE
from utils.store import PLATFORM, Change, Query, Row, Store

LOST_AFTER_MS: Final = 30_000
FIRST_WAIT_MS: Final = 1000
HOUR_MS: Final = 3600 * 1000
IN_A_ROW_KEPT_MS: Final = 6 * HOUR_MS  # each failure in a row is remembered for so much longer
STOPPED_KEPT_MS: Final = 3650 * 24 * HOUR_MS
WELCOME_KEPT_MS: Final = 30 * 24 * HOUR_MS
# Not "now": of two tries at the same moment the later one would then find the row ahead of its time
LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
MOST_WELCOME: Final = 3  # people of a network that are remembered


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failed tries are free, how long the longest wait is, and when one failure is forgotten.

    At most ``at_once`` tries, failed and running ones together, are evaluated before waiting begins. After
    ``stops_at`` failures in a row nothing is evaluated until the row is removed.
    """

    free: int
    longest: int  # seconds
    forget_one: int  # seconds
    at_once: int
    stops_at: int | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """What tries are counted under. Lanes of one ``account`` are removed together."""

    key: str
    limit: Limit
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A lane as a try finds it: its own place in it, if it has one, included."""

    held: bool
    wait: float  # seconds until a place may be free
    failures: int
    welcome: frozenset[str]

    @classmethod
    def of(cls, row: Row, try_id: str, limit: Limit) -> Self:
        """Read a stored lane."""
        return cls(
            held=any(place["id"] == try_id for place in row["open"]),
            wait=float(limit.longest)
            if limit.stops_at is not None and row["in_row"] >= limit.stops_at
            else max(1.0, float((row["until"] - row["now"]).total_seconds())),
            failures=ceil(row["failures"]),
            welcome=frozenset(one["who"] for one in row["welcome"]),
        )


class ThrottleRepository:
    """Failed tries. Whether a lane takes one more is decided in one update of its row."""

    def __init__(self, store: Store) -> None:
        self._rows = store.system(LOGIN_THROTTLE)

    def reserve(self, lanes: Sequence[Lane], try_id: str, look: str | None = None) -> dict[str, Found]:
        """Hold a place in each of these lanes that has one, and return how each was found, by key.

        A row ``look`` that nobody reserves in is looked up too. Two commands, however many lanes.
        """
        self._rows.update_each(PLATFORM, [_reserved(lane, try_id) for lane in lanes], upsert=True)
        keys = [lane.key for lane in lanes] + ([look] if look else [])
        rows = {row["_id"]: row for row in self._rows.find(PLATFORM, {"_id": {"$in": keys}})}
        found = {lane.key: Found.of(rows[lane.key], try_id, lane.limit) for lane in lanes if lane.key in rows}
        if look in rows:
            failures = ceil(rows[look]["failures"])
            found[str(look)] = Found(held=False, wait=0.0, failures=failures, welcome=frozenset())
        return found

    def settle(self, ends: Sequence[tuple[Query, Change]]) -> None:
        """Write how a try ended in all of its lanes: ``failed``, ``released``. One command."""
        self._rows.update_each(PLATFORM, ends, upsert=True)

    def remove(self, account: str) -> None:
        """Forget every lane of an account."""
        self._rows.delete_many(PLATFORM, {"account": account})


def _reserved(lane: Lane, try_id: str) -> tuple[Query, Change]:
    """Hold a place for this try where there is one: told afterwards by the try's id among ``open``."""
    limit = lane.limit
    room = {"$cond": [_many(limit), 1, {"$subtract": [limit.at_once, {"$ceil": "$failures"}]}]}
    conditions: list[Row] = [{"$lte": ["$until", "$$NOW"]}, {"$lt": [{"$size": "$open"}, room]}]
    if limit.stops_at is not None:
        conditions.append({"$lt": ["$in_row", limit.stops_at]})
    held = {"$concatArrays": ["$open", [{"id": try_id, "at": "$$NOW"}]]}
    granted = {"$set": {"open": {"$cond": [{"$and": conditions}, held, "$open"]}, "now": "$$NOW"}}
    return {"_id": lane.key}, [*_decayed(lane), granted, _forgotten(limit)]


def failed(lane: Lane, try_id: str) -> tuple[Query, Change]:
    """Count a failed try; beyond the free ones each doubles the wait."""
    limit = lane.limit
    power = {"$min": [20, {"$subtract": [{"$ceil": "$failures"}, limit.free]}]}
    wait = {"$min": [limit.longest * 1000, {"$multiply": [FIRST_WAIT_MS, {"$pow": [2, power]}]}]}
    until = {"$cond": [_many(limit), {"$max": ["$until", {"$add": ["$$NOW", wait]}]}, "$until"]}
    counted: Row = {"failures": {"$add": ["$failures", 1]}, "open": _without(try_id)}
    if limit.stops_at is not None:
        counted["in_row"] = {"$add": ["$in_row", 1]}
    return {"_id": lane.key}, [
        *_decayed(lane),
        {"$set": counted},
        {"$set": {"until": until}},
        _forgotten(limit),
    ]


def released(
    lane: Lane, try_id: str, *, clear: bool = False, welcome: str | None = None
) -> tuple[Query, Change]:
    """Give a place back; ``clear`` forgets the failures, as a right password does.

    ``welcome``: whom to remember as somebody who came in by this lane.
    """
    row: Row = {"open": _without(try_id)}
    if clear:
        row |= {"failures": 0, "in_row": 0, "until": LONG_AGO}
    if welcome is not None:
        others = {"$filter": {"input": "$welcome", "cond": {"$ne": ["$$this.who", welcome]}}}
        here = {"who": welcome, "at": "$$NOW"}
        row["welcome"] = {"$slice": [{"$concatArrays": [[here], others]}, MOST_WELCOME]}
    return {"_id": lane.key}, [*_decayed(lane), {"$set": row}, _forgotten(lane.limit)]


def _many(limit: Limit) -> Row:
    return {"$gte": [{"$ceil": "$failures"}, limit.free]}


def _decayed(lane: Lane) -> list[Row]:
    """Return the stages that bring a row up to now.

    Tries that never ended count for half a minute, and who came in is welcome for thirty days.
    """
    elapsed = {"$subtract": ["$$NOW", {"$ifNull": ["$at", "$$NOW"]}]}
    forgotten = {"$divide": [elapsed, lane.limit.forget_one * 1000]}
    now: Row = {
        "failures": {"$max": [0, {"$subtract": [{"$ifNull": ["$failures", 0]}, forgotten]}]},
        "in_row": {"$ifNull": ["$in_row", 0]},
        "welcome": _younger("$welcome", WELCOME_KEPT_MS),
        "at": "$$NOW",
        "open": _younger("$open", LOST_AFTER_MS),
        "until": {"$ifNull": ["$until", LONG_AGO]},
    }
    return [{"$set": now | ({"account": lane.account} if lane.account else {})}]


def _younger(field: str, age_ms: int) -> Row:
    """Return those of a list, each with its time ``at``, that are not older."""
    young = {"$gt": ["$$this.at", {"$subtract": ["$$NOW", age_ms]}]}
    return {"$filter": {"input": {"$ifNull": [field, []]}, "cond": young}}


def _forgotten(limit: Limit) -> Row:
    """Return the stage that says when the row is of no more use."""
    decays = {"$multiply": [{"$add": ["$failures", 1]}, limit.forget_one * 1000]}
    kept: list[Row] = [decays, {"$multiply": ["$in_row", IN_A_ROW_KEPT_MS]}]
    kept.append({"$cond": [{"$eq": ["$welcome", []]}, 0, WELCOME_KEPT_MS]})
    if limit.stops_at is not None:
        kept.append({"$cond": [{"$lt": ["$in_row", limit.stops_at]}, 0, STOPPED_KEPT_MS]})
    return {"$set": {"expires_at": {"$add": ["$$NOW", {"$max": kept}]}}}


def _without(try_id: str) -> Row:
    return {"$filter": {"input": "$open", "cond": {"$ne": ["$$this.id", try_id]}}}
