"""Writing the audit log, and counting in it."""

from datetime import datetime
from typing import Any

from services.audit.documents import AuditRecord
from services.audit.repository import AuditRepository
from utils.clock import Clock
from utils.context import request_id
from utils.scope import Scope


class AuditService:
    """Records sensitive actions. Call it inside the transaction of the action."""

    def __init__(self, records: AuditRepository, clock: Clock) -> None:
        self._records, self._clock = records, clock

    def record(
        self, action: str, *, actor_id: str, campus_id: str | None, target: str, **detail: Any
    ) -> None:
        """Add one row. ``detail`` holds ids, names of fields and numbers: no secret, no message text."""
        record = AuditRecord(
            campus_id=campus_id,
            action=action,
            actor_id=actor_id,
            target=target,
            detail=detail,
            request_id=request_id(),
            at=self._clock.now(),
        )
        self._records.add(_scope(campus_id), record)

    def count_since(
        self, action: str, actor_id: str, campus_id: str | None, since: datetime, limit: int
    ) -> int:
        """Return how often somebody has done this since then, counting up to ``limit``."""
        wanted = {"action": action, "campus_id": campus_id, "actor_id": actor_id}
        return self._records.count_since(_scope(campus_id), wanted, since, limit)


def _scope(campus_id: str | None) -> Scope:
    return Scope.campus(campus_id) if campus_id else Scope.everything()
