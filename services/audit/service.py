"""Writing the audit log, and counting in it."""

import logging
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo.errors import PyMongoError

from services.audit.chain import ChainKey
from services.audit.documents import AuditRecord
from services.audit.repository import AuditRepository, scope_of
from utils.clock import Clock
from utils.context import request_id
from utils.store import Store

logger = logging.getLogger(__name__)

NOTE_SECONDS: Final = 1.0


class AuditService:
    """Records sensitive actions. Call it inside the transaction of the action."""

    def __init__(self, records: AuditRepository, store: Store, key: ChainKey, clock: Clock) -> None:
        self._records, self._store, self._key, self._clock = records, store, key, clock

    def record(
        self, action: str, *, actor_id: str, campus_id: str | None, target: str, **detail: Any
    ) -> None:
        """Add one row; where it cannot be added, its effect is not there either.

        ``detail`` holds ids, names of fields and numbers: no secret, no message text, no name of a person.
        """
        self._records.add(scope_of(campus_id), self._made(action, actor_id, campus_id, target, detail))

    def note(self, action: str, *, actor_id: str, campus_id: str | None, target: str, **detail: Any) -> None:
        """Add one row after the open transaction, or now where there is none; never raises, waits a second.

        For what has to go on with a log that is full or away: who answers an exam, who may not come in.
        """
        made = self._made(action, actor_id, campus_id, target, detail)
        self._store.after_commit(lambda: self._try(made))

    def count_since(
        self, action: str, actor_id: str, campus_id: str | None, since: datetime, limit: int
    ) -> int:
        """Return how often somebody has done this since then, counting up to ``limit``."""
        wanted = {"action": action, "campus_id": campus_id, "actor_id": actor_id}
        return self._records.count_since(scope_of(campus_id), wanted, since, limit)

    def _made(
        self, action: str, actor_id: str, campus_id: str | None, target: str, detail: dict[str, Any]
    ) -> AuditRecord:
        now = self._clock.now()
        record = AuditRecord(
            campus_id=campus_id,
            action=action,
            actor_id=actor_id,
            target=target,
            detail=detail,
            request_id=request_id(),
            at=now - timedelta(microseconds=now.microsecond % 1000),  # as exact as it is stored
        )
        return record.model_copy(update={"mac": self._key.mac(record)})

    def _try(self, record: AuditRecord) -> None:
        try:
            self._records.add(scope_of(record.campus_id), record, seconds=NOTE_SECONDS)
        except PyMongoError:
            logger.warning("the audit log did not take %s of %s", record.action, record.target, exc_info=True)
