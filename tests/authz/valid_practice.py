"""Valid requests about practice, as ``valid_requests`` has them of everything else."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from config.permissions import Role
from tests.authz.operations import At, Request
from tests.authz.world import Kind

STUDENTS: Final = frozenset({Role.STUDENT})
EXAM_IS_SILENT: Final = frozenset({409})
NOT_RELEASED: Final = frozenset({403})
LOCKED: Final = {"module": "GRAMMAR", "level": "ADVANCED", "action": "lock", "reason": "Not yet"}


def _of_student(body: Any = None, query: Mapping[str, str] = {}) -> Callable[[At], Request]:
    return lambda at: Request(path={"student_id": at("student_id", Kind.STUDENT)}, body=body, query=query)


def _of_attempt(body: Any = None, **more: Any) -> Callable[[At], Request]:
    return lambda at: Request(
        path={"attempt_id": at("attempt_id", Kind.ATTEMPT)}, body=body, only=STUDENTS, **more
    )


def _list_students(at: At) -> Request:
    filters = {"campus_id": Kind.CAMPUS, "course_id": Kind.COURSE, "batch_id": Kind.BATCH}
    ids = {name: at(name, kind) for name, kind in filters.items()}
    narrowed = {at.varied: ids.pop(at.varied)} if at.varied else {}
    at.leave(*ids)
    return Request(query={"limit": "200", **narrowed}, lists=Kind.STUDENT)


PRACTICE_REQUESTS: Final[Mapping[str, Callable[[At], Request]]] = {
    "practice_management.add_override": _of_student(LOCKED),
    "practice_management.get_batch": lambda at: Request(path={"batch_id": at("batch_id", Kind.BATCH)}),
    "practice_management.get_progress": _of_student(),
    "practice_management.list_overrides": _of_student(query={"limit": "200"}),
    "practice_management.list_students": _list_students,
    "student_practice.check_answer": _of_attempt({"slot": "1"}, statuses=EXAM_IS_SILENT),
    "student_practice.dashboard": lambda _: Request(only=STUDENTS),
    "student_practice.get_progress": lambda _: Request(only=STUDENTS),
    "student_practice.list_history": lambda _: Request(query={"limit": "200"}, only=STUDENTS),
    "student_practice.list_practice": lambda _: Request(only=STUDENTS),
    "student_practice.review_attempt": _of_attempt(statuses=NOT_RELEASED),
}
