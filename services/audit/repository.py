"""The ``audit`` collection: rows go in and never change."""

from datetime import datetime

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

    def count_since(self, scope: Scope, action: str, since: datetime, limit: int) -> int:
        """Return how often ``action`` happened since then, counting up to ``limit``."""
        return self._rows.count(scope, {"action": action, "at": {"$gte": since}}, limit)
