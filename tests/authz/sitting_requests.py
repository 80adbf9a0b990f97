"""One valid request for each thing that students do with attempts."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from config.permissions import Role
from tests.authz.operations import At, Request
from tests.authz.world import Kind

STUDENTS: Final = frozenset({Role.STUDENT})
ANSWERS: Final = {"answers": [{"slot": "1", "seq": 1, "response": {"option": "a"}}]}
EVENTS: Final = {"events": [{"kind": "paste"}]}


def _own(body: Any = None) -> Callable[[At], Request]:
    return lambda at: Request(path={"attempt_id": at("attempt_id", Kind.ATTEMPT)}, body=body, only=STUDENTS)


SITTING: Final[Mapping[str, Callable[[At], Request]]] = {
    "student.get_attempt": _own(),
    "student.get_receipt": _own(),
    "student.report_events": _own(EVENTS),
    "student.save_answers": _own(ANSWERS),
    "student.start_attempt": lambda at: Request(
        path={"test_id": at("test_id", Kind.TEST)}, only=STUDENTS, statuses=frozenset({200, 201})
    ),
    "student.submit_attempt": _own(),
    "student.take_over_attempt": _own(),
}
