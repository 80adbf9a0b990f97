"""What follows from a history before anybody judges it: what was sent, acknowledged, seen, kept, by slot."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any, Final, TypeAlias

from tests.faults.exam_history import Deed, ExamEvidence, Row

Place: TypeAlias = tuple[str, str]  # an attempt and a slot of it
Seen: TypeAlias = tuple[Sequence[float], Sequence[int]]  # by when which number was known
NEVER: Final = object()


def sent(evidence: ExamEvidence) -> Mapping[tuple[str, str, int], Any]:
    """Return every response that a client sent, by attempt, slot and number."""
    return {
        (deed.attempt, one.slot, one.seq): one.response for deed in evidence.history for one in deed.answers
    }


def acknowledged(history: Iterable[Deed]) -> Mapping[Place, int]:
    """Return the highest number that was acknowledged for each slot."""
    highest: dict[Place, int] = {}
    for deed in history:
        for ack in deed.reply.get("acks", ()) if deed.ok else ():
            place = (deed.attempt, ack["slot"])
            highest[place] = max(highest.get(place, 0), ack["seq"])
    return highest


def kept(evidence: ExamEvidence) -> Mapping[Place, tuple[int, Any]]:
    """Return what is stored for each slot: number and response."""
    return {
        (str(row["_id"]), slot): (saved["seq"], saved["response"])
        for row in evidence.stored
        for slot, saved in row["answers"].items()
    }


def known(history: Iterable[Deed]) -> Mapping[str, Mapping[str, Seen]]:
    """Return for each attempt and slot the times at which acknowledgements and looks ended, in order, and the
    highest number that was known by each of them."""
    found: dict[str, dict[str, list[tuple[float, int]]]] = defaultdict(lambda: defaultdict(list))
    for deed in history:
        for one in (*deed.reply.get("acks", ()), *deed.reply.get("saved", ())) if deed.ok else ():
            found[deed.attempt][one["slot"]].append((deed.ended_at, one["seq"]))
    return {
        attempt: {slot: _rising(each) for slot, each in slots.items()} for attempt, slots in found.items()
    }


def _rising(observed: list[tuple[float, int]]) -> Seen:
    observed.sort()
    return [at for at, _ in observed], list(accumulate((seq for _, seq in observed), max))


def by_attempt(history: Iterable[Deed]) -> Mapping[str, Sequence[Deed]]:
    """Return what was done to each attempt; nothing to one that nobody touched."""
    grouped: dict[str, list[Deed]] = defaultdict(list)
    for deed in history:
        grouped[deed.attempt].append(deed)
    return grouped


def by(rows: Iterable[Row], *names: str) -> Mapping[str, Sequence[Row]]:
    """Return rows grouped by some fields."""
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[" ".join(str(row[name]) for name in names)].append(row)
    return grouped


def seconds(at: datetime) -> float:
    """Return a time of MongoDB as clients count it."""
    return at.timestamp()


def canonical(value: Any) -> str:
    """Return JSON as one text, to compare by."""
    return json.dumps(value, sort_keys=True)
