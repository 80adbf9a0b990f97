"""Loaded by every Python of a product that a test starts: puts a fault into what it says to MongoDB.

``SABOTAGE`` names a file, and the file the fault; it is read again for every command, so that one product can
have one fault after the other. Without the variable nothing is touched. ``FAULTS`` are what ``test_exam.py``
expects to be caught.
"""

import os
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import WriteConcern
from pymongo.collection import Collection
from pymongo.results import BulkWriteResult

ATTEMPTS = "attempts"
SLOW = timedelta(seconds=60)
SHARE = 0.1  # of the saves that are tampered with, where all would be too plain
UPDATE = "find_one_and_update"
NOTHING = {"nMatched": 0, "nModified": 0, "nInserted": 0, "nRemoved": 0, "nUpserted": 0, "upserted": []}

original: dict[str, Callable[..., Any]] = {
    name: getattr(Collection, name) for name in (UPDATE, "find", "aggregate", "bulk_write")
}


def fault() -> str:
    """Return the fault of this moment; empty for none."""
    try:
        with open(os.environ["SABOTAGE"], encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def is_save(change: Any) -> bool:
    return isinstance(change, list) and any(name.startswith("answers.") for name in change[0].get("$set", {}))


def is_close(change: Any) -> bool:
    return isinstance(change, list) and change[0].get("$set", {}).get("state") == "submitted"


def is_start(options: dict[str, Any]) -> bool:
    return bool(options.get("upsert"))


def everywhere(value: Any, changed: Callable[[Any], Any]) -> Any:
    """Return a copy in which every part was given to ``changed``, from outside to inside."""
    value = changed(value)
    if isinstance(value, dict):
        return {name: everywhere(each, changed) for name, each in value.items()}
    if isinstance(value, list):
        return [everywhere(each, changed) for each in value]
    return value


def without_literals(value: Any) -> Any:
    while isinstance(value, dict) and value.keys() == {"$literal"}:
        value = value["$literal"]
    return value


def without_comparison(value: Any) -> Any:
    return value["$cond"][1] if isinstance(value, dict) and value.keys() == {"$cond"} else value


def by_own_clock(value: Any) -> Any:
    return datetime.now(UTC) - SLOW if value == "$$NOW" else value


def shifted(change: list[Any]) -> list[Any]:
    """Write each answer into the slot after its own."""
    moved = {}
    for name, value in change[0]["$set"].items():
        head, dot, slot = name.partition(".")
        moved[f"{head}.{int(slot) % 9 + 1}" if dot else name] = value
    return [{"$set": moved}, *change[1:]]


def read_and_written(rows: Any, query: Any, change: Any, options: dict[str, Any]) -> Any:
    """Save as one does without thinking: read the row, change it, write its answers back."""
    before = original["find"](rows, query, session=options.get("session")).limit(1)
    whole: dict[str, Any] = next((row["answers"] for row in before), {})
    time.sleep(0.03)
    kept = {f"answers.{slot}": {"$literal": each} for slot, each in whole.items()}
    return original[UPDATE](rows, query, [{"$set": kept | change[0]["$set"]}, *change[1:]], **options)


def undone(rows: Any, query: Any, change: Any, options: dict[str, Any]) -> Any:
    """Acknowledge, and forget again."""
    found = original[UPDATE](rows, query, change, **options)
    if found and random.random() < SHARE:
        gone = {name: "" for name in change[0]["$set"] if name.startswith("answers.")}
        original[UPDATE](rows, {"_id": found["_id"]}, {"$unset": gone}, session=options.get("session"))
    return found


def hasty(rows: Any, query: Any, change: Any, options: dict[str, Any]) -> Any:
    weak = rows if options.get("session") else rows.with_options(write_concern=WriteConcern(w=1, j=False))
    return original[UPDATE](weak, query, change, **options)


def anew(rows: Any, query: Any, change: Any, options: dict[str, Any]) -> Any:
    """Let whoever presses the button have an attempt."""
    number = random.randrange(1000, 10_000)
    query = {**query, "number": number}
    return original[UPDATE](rows, query, change, **options)


def stale(rows: Any, query: Any, change: Any, options: dict[str, Any]) -> Any:
    """Score what was there a moment ago: without the newest answer."""
    found = original[UPDATE](rows, query, change, **options)
    if found and found.get("answers"):
        found["answers"].popitem()
        right = [slot for slot, kept in found["answers"].items() if kept["response"].get("text") == "right"]
        for slot in right[:1]:
            del found["answers"][slot]
    return found


def without(query: Any, *names: str) -> dict[str, Any]:
    return {name: value for name, value in query.items() if name not in names}


SAVES: dict[str, Callable[[Any, Any, Any, dict[str, Any]], Any]] = {
    "w1": hasty,
    "no literal": lambda r, q, c, o: original[UPDATE](r, q, everywhere(c, without_literals), **o),
    "no compare": lambda r, q, c, o: original[UPDATE](r, q, everywhere(c, without_comparison), **o),
    "no deadline": lambda r, q, c, o: original[UPDATE](r, without(q, "$expr"), c, **o),
    "no state": lambda r, q, c, o: original[UPDATE](r, without(q, "state"), c, **o),
    "no session": lambda r, q, c, o: original[UPDATE](r, without(q, "session_id"), c, **o),
    "another slot": lambda r, q, c, o: original[UPDATE](r, q, shifted(c), **o),
    "read and written": read_and_written,
    "undone": undone,
}
CLOSES: dict[str, Callable[[Any, Any, Any, dict[str, Any]], Any]] = {
    "stale score": stale,
    "swept early": lambda r, q, c, o: original[UPDATE](r, without(q, "$expr"), c, **o),
}
STARTS: dict[str, Callable[[Any, Any, Any, dict[str, Any]], Any]] = {"begun anew": anew}


def find_one_and_update(rows: Any, query: Any, change: Any, projection: Any = None, **options: Any) -> Any:
    options["projection"] = projection
    wrong = fault() if rows.name == ATTEMPTS else ""
    if wrong == "own clock":
        query, change = everywhere(query, by_own_clock), everywhere(change, by_own_clock)
    tampering = None
    if is_save(change):
        tampering = SAVES.get(wrong)
    elif is_close(change):
        tampering = CLOSES.get(wrong)
    elif is_start(options):
        tampering = STARTS.get(wrong)
    if tampering is None:
        return original[UPDATE](rows, query, change, **options)
    return tampering(rows, query, change, options)


def bulk_write(rows: Any, operations: Any, *arguments: Any, **options: Any) -> Any:
    """Let no save go together with others: it is then made by itself, where the fault is."""
    if rows.name == ATTEMPTS and fault() in SAVES:
        return BulkWriteResult(dict(NOTHING), acknowledged=True)
    return original["bulk_write"](rows, operations, *arguments, **options)


def find(rows: Any, query: Any = None, *arguments: Any, **options: Any) -> Any:
    wrong = fault() if rows.name == ATTEMPTS and isinstance(query, dict) else ""
    if wrong == "swept early" and "$and" in query:
        query = without(query, "$and")
    elif wrong == "no deadline" and "$and" in query:
        query = {"_id": ""}  # nor does anybody sweep
    return original["find"](rows, query, *arguments, **options)


def aggregate(rows: Any, pipeline: Any, *arguments: Any, **options: Any) -> Any:
    wrong = fault() if rows.name == ATTEMPTS else ""
    if wrong == "another seed":
        pipeline = [*pipeline, {"$set": {"seed": {"$literal": random.randbytes(16).hex()}}}]
    elif wrong == "own clock":
        pipeline = everywhere(pipeline, by_own_clock)
    elif wrong == "ended anew":  # whoever asks again ends it again
        ended = {**pipeline[0]["$match"], "state": "submitted"}
        original[UPDATE](rows, ended, [{"$set": {"submitted_at": "$$NOW"}}])
    if wrong == "false receipts":
        falsify()
    return original["aggregate"](rows, pipeline, *arguments, **options)


def falsify() -> None:
    """Let receipts be given for fewer answers than are stored."""
    receipts: Any = sys.modules["services.attempts.receipts"].Receipts
    if "give" in original:
        return
    original["give"] = receipts.give

    def give(self: Any, attempt_id: str, at: Any, stored: Any) -> Any:
        covered = stored[:-1] if fault() == "false receipts" else stored
        return original["give"](self, attempt_id, at, covered)

    receipts.give = give


if "SABOTAGE" in os.environ:
    for name, tampered in (
        (UPDATE, find_one_and_update),
        ("find", find),
        ("aggregate", aggregate),
        ("bulk_write", bulk_write),
    ):
        setattr(Collection, name, tampered)
