"""One valid request per operation on tests, for ``valid_requests.py``."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.authz.operations import At, Request
from tests.authz.world import Kind
from tests.exams import window

POOL: Final = {"module": "GRAMMAR", "level": "BEGINNER", "pick": 1}


def _planned(at: At, of: str) -> dict[str, Any]:
    """Return a plan that names something of every kind, of the campus of the slot ``of``."""
    question_id = at("question_id", Kind.QUESTION, of=of)
    return {
        "name": "New Test",
        "course_ids": [at("course_ids", Kind.COURSE, of=of)],
        "batch_ids": [at("batch_ids", Kind.BATCH, of=of)],
        "student_ids": [at("student_ids", Kind.STUDENT, of=of)],
        "sections": [{"title": "One", "slots": [{"question_id": question_id}, {"pool": POOL}]}],
        "duration_minutes": 60,
        **window(),
    }


def _create(at: At) -> Request:
    campus_id = at("campus_id", Kind.CAMPUS)
    return Request(body={"kind": "online", "campus_id": campus_id, **_planned(at, "campus_id")})


def _change(at: At) -> Request:
    path = {"test_id": at("test_id", Kind.DRAFT_TEST)}
    return Request(path, body=_planned(at, "test_id"), whole=True)


def _on(kind: Kind) -> Callable[[At], Request]:
    """Return requests on one test, of which only somebody decides who has all of its courses."""
    return lambda at: Request(path={"test_id": at("test_id", kind)}, whole=True)


def _telling(at: At) -> Request:
    return Request({"test_id": at("test_id", Kind.TEST)}, body={"channels": ["inbox"]}, whole=True)


def _list(at: At) -> Request:
    kinds = {"campus_id": Kind.CAMPUS, "course_id": Kind.COURSE, "batch_id": Kind.BATCH}
    ids = {name: at(name, kind) for name, kind in kinds.items()}
    narrowed = {at.varied: ids.pop(at.varied)} if at.varied else {}
    at.leave(*ids)
    return Request(query={"limit": "200", **narrowed}, lists=Kind.TEST)


TEST_REQUESTS: Final[Mapping[str, Callable[[At], Request]]] = {
    "accommodations.get_accommodations": lambda at: Request(
        path={"student_id": at("student_id", Kind.STUDENT)}
    ),
    "accommodations.put_accommodations": lambda at: Request(
        path={"student_id": at("student_id", Kind.STUDENT)}, body={"time_factor": 1.25, "note": "More time"}
    ),
    "student_exams.list_exams": lambda _: Request(),
    "test_management.archive_test": _on(Kind.DRAFT_TEST),
    "test_management.cancel_test": _on(Kind.TEST),
    "test_management.change_test": _change,
    "test_management.clone_test": _on(Kind.TEST),
    "test_management.create_test": _create,
    "test_management.delete_test": _on(Kind.DRAFT_TEST),
    "test_management.get_audience": lambda at: Request(
        path={"test_id": at("test_id", Kind.TEST)}, query={"limit": "200"}
    ),
    "test_management.get_test": lambda at: Request(path={"test_id": at("test_id", Kind.TEST)}),
    "test_management.list_tests": _list,
    "test_management.preview_test": lambda at: Request(path={"test_id": at("test_id", Kind.TEST)}),
    "test_management.publish_test": _on(Kind.DRAFT_TEST),
    "test_messages.notify": _telling,
    "test_messages.remind": _telling,
}
