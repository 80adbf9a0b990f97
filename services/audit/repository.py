"""The ``audit`` collection: rows go in and never change."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.audit.documents import AUDIT, AuditRecord
from utils.scope import Scope
from utils.store import Store


class AuditRepository:
    """Adds and counts audit rows."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(AUDIT)

    def add(self, scope: Scope, record: AuditRecord) -> None:
        """Store one row, in the transaction of its effect."""
        self._rows.insert(scope, record.to_mongo())

    def count_since(self, scope: Scope, wanted: Mapping[str, Any], since: datetime, limit: int) -> int:
        """Return how often an ``action`` of a ``campus_id`` happened since then, counting up to ``limit``."""
        return self._rows.count(scope, {**wanted, "at": {"$gte": since}}, limit)
