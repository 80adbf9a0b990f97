"""One valid request for each thing that is done in the exam room."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.authz.operations import At, Request
from tests.authz.world import Kind

WHY: Final = {"reason": "a power cut"}
# Of those who may be named here only one sits the exam.
SITS_OR_NOT: Final = frozenset({200, 404})


def _order(**more: Any) -> Callable[[At], Request]:
    """Return orders about one batch and one student of the exam's campus."""

    def make(at: At) -> Request:
        path = {"test_id": at("test_id", Kind.TEST)}
        whom = {
            "batch_ids": [at("batch_ids", Kind.BATCH, of="test_id")],
            "student_ids": [at("student_ids", Kind.STUDENT, of="test_id")],
        }
        return Request(path, body={**WHY, **whom, **more}, whole=True)

    return make


def _seat(**more: Any) -> Callable[[At], Request]:
    def make(at: At) -> Request:
        path = {
            "test_id": at("test_id", Kind.TEST),
            "student_id": at("student_id", Kind.STUDENT, of="test_id"),
        }
        return Request(path, whole=at.varied != "student_id", **more)  # the exam is what must be all theirs

    return make


def _look(at: At) -> Request:
    return Request(path={"test_id": at("test_id", Kind.TEST)})


def _people(at: At) -> Request:
    path, batch = {"test_id": at("test_id", Kind.TEST)}, {"batch_id": at("batch_id", Kind.BATCH)}
    if at.varied != "batch_id":
        at.leave("batch_id")
        batch = {}
    return Request(path, query={"limit": "200", **batch})


ROOM_REQUESTS: Final[Mapping[str, Callable[[At], Request]]] = {
    "online_exam_management.close": _order(),
    "online_exam_management.compensate": _order(),
    "online_exam_management.extend": _order(minutes=5),
    "online_exam_management.get_status": _look,
    "online_exam_management.list_orders": _look,
    "online_exam_management.list_students": _people,
    "online_exam_management.take_over": _seat(statuses=SITS_OR_NOT),
    "online_exam_management.unlock": _seat(),
    "watch.test_id": _look,
}
