"""Giving lost time back to those whose attempt ended meanwhile: it goes on, and its score is withdrawn."""

from functools import partial
from typing import Final

from services.attempts.grant_repository import Sitters
from services.attempts.reopen_repository import ReopenRepository, Terms
from services.audit.service import AuditService
from services.exam_room.documents import ExamOrder
from services.ports import Lease
from services.results.service import AttemptScoring
from utils.scope import Scope
from utils.store import Store

NO_LIMIT: Final = 86_400


class Reopening:
    """Opens attempts again, each in one transaction: whatever dies, its score is there, or it goes on."""

    def __init__(
        self, attempts: ReopenRepository, scoring: AttemptScoring, store: Store, audit: AuditService
    ) -> None:
        self._attempts, self._scoring, self._store, self._audit = attempts, scoring, store, audit

    def run(self, scope: Scope, order: ExamOrder, sitters: Sitters, lease: Lease) -> bool:
        """Open what the order may open; False if the lease is over before all are. It may be run again."""
        terms = Terms(order.id, order.at, order.seconds, order.most_seconds or NO_LIMIT)
        for attempt_id in self._attempts.cut_off(scope, sitters, terms):
            if not lease.alive():
                return False
            self._store.atomically(partial(self._reopen, scope, order, sitters, terms, attempt_id))
        return True

    def _reopen(
        self, scope: Scope, order: ExamOrder, sitters: Sitters, terms: Terms, attempt_id: str
    ) -> None:
        if not (self._scoring.is_unseen(scope, attempt_id) and self._attempts.is_last(scope, attempt_id)):
            return
        attempt = self._attempts.reopen(scope, sitters, terms, attempt_id)
        if attempt is None:
            return  # another run of the order was first
        self._scoring.withdraw(scope, attempt_id)
        self._audit.record(
            "attempt.reopened",
            actor_id=order.ordered_by,
            campus_id=order.campus_id,
            target=f"attempt:{attempt_id}",
            order_id=order.id,
            seconds=attempt.grants[-1].seconds,
        )
