"""Carrying orders out, in the background: whatever dies, each attempt is reached once."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol

from services.assessments.repository import AssessmentRepository
from services.attempts.documents import Attempt, ClosedBy
from services.attempts.grant_repository import GrantRepository, Sitters
from services.attempts.grants import AttemptGrants
from services.audit.service import AuditService
from services.exam_room.documents import ExamOrder, OrderKind
from services.exam_room.reopening import NO_LIMIT, Reopening
from services.exam_room.repository import OrderRepository
from services.ports import JSON, Done, JobResult, Later, Lease
from utils.scope import Scope

AT_ONCE: Final = 50
SYSTEM: Final = "system"


class Closer(Protocol):
    """Ends attempts and scores what was saved."""

    def close(self, attempt: Attempt, by: ClosedBy) -> object:
        """End an attempt that is open; one that is not is left as it is."""


class OrderCarrying:
    """The jobs of orders and of tests whose times have changed."""

    def __init__(
        self,
        orders: OrderRepository,
        tests: AssessmentRepository,
        attempts: GrantRepository,
        grants: AttemptGrants,
        closer: Closer,
        reopening: Reopening,
        audit: AuditService,
    ) -> None:
        self._orders, self._tests, self._attempts = orders, tests, attempts
        self._grants, self._closer, self._reopening, self._audit = grants, closer, reopening, audit

    def run(self, lease: Lease) -> JobResult:
        """Carry an order out and note how many attempts it has reached."""
        scope = Scope.campus(str(lease.args["campus_id"]))
        order = self._orders.find(scope, str(lease.args["order_id"]))
        if order is None or order.reached is not None:
            return Done()
        reached = self._carried_out(scope, order, lease)
        if reached is None:
            return Later(0)
        self._orders.done(scope, order.id, reached)
        return Done()

    def dead(self, args: Mapping[str, JSON], _reason: str) -> None:
        """Note in the audit log that an order could not be carried out to its end."""
        order = self._orders.find(Scope.campus(str(args["campus_id"])), str(args.get("order_id")))
        if order is not None and order.reached is None:
            campus_id, target = order.campus_id, f"test:{order.test_id}"
            said = {"actor_id": SYSTEM, "campus_id": campus_id, "target": target, "order_id": order.id}
            self._audit.note("exam.order_given_up", **said)

    def retime(self, lease: Lease) -> JobResult:
        """Let what a test says now of its window and duration hold for everybody who sits it."""
        scope = Scope.campus(str(lease.args["campus_id"]))
        seen = self._tests.find(scope, str(lease.args["test_id"]))
        if seen is not None:
            test = seen.test
            self._grants.retime(scope, test.id, test.duration_minutes * 60, test.window_end_at)
        return Done()

    def _carried_out(self, scope: Scope, order: ExamOrder, lease: Lease) -> int | None:
        """Return how many attempts an order has reached; None if the lease is over before all are."""
        if order.kind is OrderKind.EXTEND:
            return self._give(scope, order, _sitters(order))
        if order.kind is OrderKind.COMPENSATE:
            return self._compensate(scope, order, lease)
        if not self._close(scope, order, lease):
            return None
        return self._attempts.closed_since(scope, _sitters(order), order.at)

    def _compensate(self, scope: Scope, order: ExamOrder, lease: Lease) -> int | None:
        """Give time to those who still have some, then to those who were cut off when theirs ended."""
        sitters = _sitters(order)
        self._give(scope, order, replace(sitters, in_time=True))
        while waiting := self._attempts.overdue(scope, sitters, AT_ONCE):
            for attempt in waiting:
                self._closer.close(attempt, ClosedBy.DEADLINE)  # nobody has swept it yet
        if not self._reopening.run(scope, order, sitters, lease):
            return None
        return self._grants.tell(scope, order.test_id, order.id)

    def _give(self, scope: Scope, order: ExamOrder, sitters: Sitters) -> int:
        if order.seconds is not None:
            return self._grants.grant(scope, sitters, order.id, order.at, order.seconds)
        return self._grants.give_back(scope, sitters, order.id, order.at, order.most_seconds or NO_LIMIT)

    def _close(self, scope: Scope, order: ExamOrder, lease: Lease) -> bool:
        """End the attempts one by one; False if the lease is over before all are."""
        while waiting := self._attempts.sitting(scope, _sitters(order), order.at, AT_ONCE):
            for attempt in waiting:
                if not lease.alive():
                    return False
                self._closer.close(attempt, ClosedBy.ROOM)
        return True


def _sitters(order: ExamOrder) -> Sitters:
    return Sitters(order.test_id, order.batch_ids, order.student_ids)
