"""The collections ``exam_orders`` and ``exam_turns``."""

from datetime import UTC, datetime
from typing import Final

from services.exam_room.documents import EXAM_ORDERS, EXAM_TURNS, ExamOrder
from utils.paging import Keyset
from utils.scope import Scope
from utils.store import PLATFORM, Row, ScopeRule, Store

OF_COURSES: Final = ScopeRule(course="course_ids")
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class OrderRepository:
    """Orders: each is added once, and then told how many it has reached."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(EXAM_ORDERS, OF_COURSES)

    def add(self, scope: Scope, order: ExamOrder) -> ExamOrder:
        """Store a new order and return it with the time of the database."""
        self._rows.insert(scope, order.to_mongo())
        row = self._rows.find_and_update(scope, {"_id": order.id}, [{"$set": {"at": "$$NOW"}}])
        return ExamOrder.from_mongo(row or {})

    def find(self, scope: Scope, order_id: str) -> ExamOrder | None:
        """Return an order of the scope."""
        row = self._rows.find_one(scope, {"_id": order_id})
        return ExamOrder.from_mongo(row) if row else None

    def done(self, scope: Scope, order_id: str, reached: int) -> None:
        """Note that an order was carried out; the first to say so is right."""
        query = {"_id": order_id, "reached": None}
        self._rows.update_one(scope, query, {"$set": {"reached": reached}})

    def list_rows(self, scope: Scope, test_id: str, keyset: Keyset) -> list[Row]:
        """Return one more order of a test than a page holds."""
        query = {"test_id": test_id, **keyset.filter}
        return self._rows.find(scope, query, sort=keyset.order, limit=keyset.limit + 1)


class TurnRepository:
    """Whose turn it is to look at a watched test, among all processes, and what its watchers were told."""

    def __init__(self, store: Store) -> None:
        self._rows = store.system(EXAM_TURNS)

    def take(self, test_id: str, gap_ms: int) -> str | None:
        """Return what was said last if nobody has looked for ``gap_ms``: the turn is ours then."""
        due = {"$lte": [{"$ifNull": ["$at", LONG_AGO]}, {"$subtract": ["$$NOW", gap_ms]}]}
        at = {"$cond": ["$ours", "$$NOW", "$at"]}
        turn: list[Row] = [{"$set": {"ours": due}}, {"$set": {"at": at, "said": {"$ifNull": ["$said", ""]}}}]
        row = self._rows.find_and_update(PLATFORM, {"_id": test_id}, turn, upsert=True)
        return str(row["said"]) if row and row["ours"] else None

    def said(self, test_id: str, told: str) -> None:
        """Note what the watchers were told."""
        self._rows.update_one(PLATFORM, {"_id": test_id}, {"$set": {"said": told}})
