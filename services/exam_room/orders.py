"""Orders of the exam room: more time, or the end. Stored at once, carried out by a durable job."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from models import Actor
from services.assessments.documents import Assessment
from services.exam_room.documents import ExamOrder, OrderKind
from services.exam_room.ground import ExamGround
from services.exam_room.repository import OrderRepository
from services.exam_room.schemas import Close, Compensate, Extend, OrderOut, Whom
from services.ports import JSON, JobEngine, Queue
from utils.paging import Keyset, PageOf, PageQuery
from utils.scope import Scope

ORDER_JOB: Final = "exam_room.order"
SORTS: Final = {"at": "_id"}  # ids grow with time
MINUTE: Final = 60
NOT_YET: Final = datetime(1970, 1, 1, tzinfo=UTC)  # until the database says what time it is


class ExamOrders:
    """Takes orders and shows them. What they change is changed within a second, once for each attempt."""

    def __init__(self, ground: ExamGround, orders: OrderRepository, engine: JobEngine) -> None:
        self._ground, self._orders, self._engine = ground, orders, engine

    def extend(self, test_id: str, wanted: Extend, actor: Actor) -> OrderOut:
        """Give minutes to those who sit the test now."""
        return self._order(test_id, OrderKind.EXTEND, wanted, actor, seconds=wanted.minutes * MINUTE)

    def compensate(self, test_id: str, wanted: Compensate, actor: Actor) -> OrderOut:
        """Give back what gaps have cost those who sit the test now, or so many minutes."""
        if wanted.minutes is not None:
            seconds = wanted.minutes * MINUTE
            return self._order(test_id, OrderKind.COMPENSATE, wanted, actor, seconds=seconds)
        most = wanted.most_minutes * MINUTE
        return self._order(test_id, OrderKind.COMPENSATE, wanted, actor, most_seconds=most)

    def close(self, test_id: str, wanted: Close, actor: Actor) -> OrderOut:
        """End the attempts of those who sit the test now."""
        return self._order(test_id, OrderKind.CLOSE, wanted, actor)

    def list_orders(self, test_id: str, query: PageQuery, actor: Actor) -> PageOf[OrderOut]:
        """Return a page of a test's orders, newest first."""
        test = self._ground.found(test_id, actor).test
        keyset = Keyset.of(query, SORTS, "-at")
        rows = self._orders.list_rows(Scope.campus(test.campus_id), test.id, keyset)
        return keyset.page(rows, lambda row: OrderOut.of(ExamOrder.from_mongo(row)))

    def _order(self, test_id: str, kind: OrderKind, whom: Whom, actor: Actor, **times: int) -> OrderOut:
        def work() -> ExamOrder:
            seen = self._ground.own(test_id, actor)
            test = seen.test
            self._ground.accept(test, actor, whom.batch_ids, whom.student_ids)
            order = self._orders.add(Scope.campus(test.campus_id), _new(test, kind, whom, actor, times))
            narrowed = {"batches": len(order.batch_ids), "students": len(order.student_ids)}
            self._ground.tests.record(f"exam.{kind}", seen, actor, order_id=order.id, **narrowed, **times)
            args: dict[str, JSON] = {"order_id": order.id, "campus_id": order.campus_id}
            key = f"order:{order.id}"
            self._engine.submit(ORDER_JOB, args, queue=Queue.EXAMS, key=key, fair=order.campus_id)
            return order

        return OrderOut.of(self._ground.tests.store.atomically(work))


def _new(test: Assessment, kind: OrderKind, whom: Whom, actor: Actor, times: Mapping[str, Any]) -> ExamOrder:
    return ExamOrder(
        campus_id=test.campus_id,
        course_ids=test.course_ids,
        test_id=test.id,
        kind=kind,
        batch_ids=whom.batch_ids,
        student_ids=whom.student_ids,
        reason=whom.reason,
        ordered_by=actor.id,
        at=NOT_YET,
        **times,
    )
