"""That a roll number or mobile is in use elsewhere is told, audited and rationed: it must not be a way to ask."""

from datetime import timedelta

from config.constants import TAKEN_ELSEWHERE_PER_HOUR
from services.audit.service import AuditService
from services.students.repository import TakenBudget
from utils.clock import Clock
from utils.store import Store


class TakenElsewhere:
    """Keeps count per campus and hour."""

    def __init__(self, budget: TakenBudget, audit: AuditService, store: Store, clock: Clock) -> None:
        self._budget, self._audit, self._store, self._clock = budget, audit, store, clock

    def may_tell(self, campus_id: str, actor_id: str, rows: int = 1) -> bool:
        """Note that ``rows`` identifiers are told as taken; False if that is too many for this hour."""
        now = self._clock.now()
        hour = now.replace(minute=0, second=0, microsecond=0)

        def work() -> None:
            self._audit.record(
                "student.taken_elsewhere", actor_id=actor_id, campus_id=campus_id, target="", rows=rows
            )

        most, expires_at = TAKEN_ELSEWHERE_PER_HOUR, hour + timedelta(hours=2)
        if not self._budget.spend(campus_id, hour.isoformat(), rows, most, expires_at):
            return False
        self._store.atomically(work)
        return True
