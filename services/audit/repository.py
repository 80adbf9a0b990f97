"""The collections ``audit`` and ``audit_heads``. Rows go in, are sealed once, and never change or go.

Nobody else opens them (``tests/test_architecture.py``).
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any, Final, TypeAlias

import pymongo

from services.audit.chain import Link
from services.audit.documents import AUDIT, AUDIT_HEADS, GENESIS, PLATFORM_CHAIN, AuditHead, AuditRecord
from utils.paging import Keyset
from utils.scope import Scope
from utils.store import Row, Store

Span: TypeAlias = tuple[datetime | None, datetime | None]

SEALING: Final = Scope.unscoped("sealing and checking the audit log")


def scope_of(campus_id: str | None) -> Scope:
    """Return the scope of a campus's rows, or of all where none is named: the platform's are among them."""
    return Scope.campus(campus_id) if campus_id else Scope.everything()


class AuditRepository:
    """Adds, counts and reads audit rows."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(AUDIT)

    def add(self, scope: Scope, record: AuditRecord, *, seconds: float | None = None) -> None:
        """Store one row, in the transaction of its effect; within ``seconds`` where they are given."""
        with pymongo.timeout(seconds) if seconds else nullcontext():
            self._rows.insert(scope, record.to_mongo())

    def count_since(self, scope: Scope, wanted: Mapping[str, Any], since: datetime, limit: int) -> int:
        """Return how often an ``action`` of a ``campus_id`` happened since then, counting up to ``limit``."""
        return self._rows.count(scope, {**wanted, "at": {"$gte": since}}, limit)

    def list_records(self, scope: Scope, filters: Mapping[str, Any], span: Span, keyset: Keyset) -> list[Row]:
        """Return one more row than a page holds, from the first moment of ``span`` until before the last."""
        begin, end = span
        bounds = ({"$gte": begin} if begin else {}) | ({"$lt": end} if end else {})
        query: Row = {**filters, "$and": [{"at": bounds} if bounds else {}, keyset.filter]}
        hint = _index(filters, scope)
        return self._rows.find(scope, query, sort=keyset.order, limit=keyset.limit + 1, hint=hint)


def _index(filters: Mapping[str, Any], scope: Scope) -> str:
    """Return the index that lists in order and leaves the fewest rows to be passed over."""
    for name in ("target", "actor_id"):
        if name in filters:
            return name.removesuffix("_id")
    of_campus = scope.campus_id is not None or "campus_id" in filters
    if "action" in filters:
        return "campus_action" if of_campus else "action"
    return "campus" if of_campus else "newest"


class ChainRepository:
    """Reads and extends the chains. A row is sealed by one conditional update; a head only moves on."""

    def __init__(self, store: Store) -> None:
        self._rows, self._heads = store.rows(AUDIT), store.rows(AUDIT_HEADS)

    def unsealed(self, most: int) -> list[tuple[str, str | None]]:
        """Return the oldest rows that no chain has yet, as ``(id, campus_id)``."""
        found = self._rows.find(
            SEALING, {"seq": None}, {"campus_id": 1}, sort=[("_id", 1)], limit=most, hint="unsealed"
        )
        return [(row["_id"], row["campus_id"]) for row in found]

    def still_unsealed(self, campus_id: str | None, ids: Sequence[str]) -> list[tuple[str, str]]:
        """Return those of a campus's rows that nobody has sealed meanwhile, as ``(id, mac)``, in order."""
        query = {"campus_id": campus_id, "_id": {"$in": list(ids)}, "seq": None}
        found = self._rows.find(scope_of(campus_id), query, {"mac": 1}, sort=[("_id", 1)])
        return [(row["_id"], str(row.get("mac", ""))) for row in found]

    def seal(self, campus_id: str | None, links: Mapping[str, Link]) -> int:
        """Give rows (by id) their place, unless they have one; return how many got it."""
        changes = [
            (
                {"campus_id": campus_id, "_id": row_id, "seq": None},
                {"$set": {"seq": link.seq, "prev": link.prev, "hash": link.hash}},
            )
            for row_id, link in links.items()
        ]
        return self._rows.update_each(scope_of(campus_id), changes)

    def hold(self, campus_id: str | None) -> AuditHead:
        """Return the head of a chain, a new one where there is none; it stays until the transaction ends."""
        new = {"campus_id": campus_id, "seq": 0, "hash": GENESIS}
        change = {"$inc": {"holds": 1}, "$setOnInsert": new}
        wanted = {"_id": campus_id or PLATFORM_CHAIN}
        row = self._heads.find_and_update(scope_of(campus_id), wanted, change, upsert=True)
        return AuditHead.from_mongo(row or {})

    def advance(self, campus_id: str | None, old: AuditHead, last: Link) -> bool:
        """Move a head that is still where it was."""
        wanted = {"_id": old.id, "seq": old.seq, "hash": old.hash}
        change = {"$set": {"seq": last.seq, "hash": last.hash}}
        return self._heads.update_one(scope_of(campus_id), wanted, change)

    def head(self, campus_id: str | None) -> AuditHead | None:
        """Return the head of a chain."""
        row = self._heads.find_one(scope_of(campus_id), {"_id": campus_id or PLATFORM_CHAIN})
        return AuditHead.from_mongo(row) if row else None

    def chains(self) -> list[str | None]:
        """Return every campus that has rows or a head; None stands for the platform."""
        found = {row["campus_id"] for row in self._heads.find(SEALING, {"_id": {"$gte": ""}})}
        found.add(None)
        after = ""
        while rows := self._rows.find(
            SEALING, {"campus_id": {"$gt": after}}, {"campus_id": 1}, sort=[("campus_id", 1)], limit=1
        ):
            after = rows[0]["campus_id"]
            found.add(after)
        return sorted(found, key=lambda campus_id: campus_id or "")

    def links(self, campus_id: str | None, after: int, most: int) -> list[AuditRecord]:
        """Return the sealed rows of a chain that follow a number."""
        query = {"campus_id": campus_id, "seq": {"$gt": after}}
        found = self._rows.find(scope_of(campus_id), query, sort=[("seq", 1)], limit=most, hint="chain")
        return [AuditRecord.from_mongo(row) for row in found]

    def last_seq(self, campus_id: str | None) -> int:
        """Return the highest number in a chain; 0 where it is empty."""
        query = {"campus_id": campus_id, "seq": {"$gt": 0}}
        found: list[Row] = self._rows.find(
            scope_of(campus_id), query, {"seq": 1}, sort=[("seq", -1)], limit=1, hint="chain"
        )
        return int(found[0]["seq"]) if found else 0

    def waiting(self, campus_id: str | None, most: int) -> int:
        """Return how many rows of a chain wait for their seal, counting up to ``most``."""
        query = {"seq": None, "campus_id": campus_id}
        return self._rows.count(scope_of(campus_id), query, most)
