"""One valid request for each thing that students do with attempts."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from config.permissions import Role
from tests.authz.operations import At, Request
from tests.authz.world import Kind

STUDENTS: Final = frozenset({Role.STUDENT})
RECORDING: Final = {"slot": "2", "content_type": "audio/wav", "size": 44}
ANSWERS: Final = {"answers": [{"slot": "1", "seq": 1, "response": {"option": "a"}}]}
EVENTS: Final = {"events": [{"kind": "paste"}]}


def _own(body: Any = None) -> Callable[[At], Request]:
    return lambda at: Request(path={"attempt_id": at("attempt_id", Kind.ATTEMPT)}, body=body, only=STUDENTS)


def _said() -> Callable[[At], Request]:
    return lambda at: Request(path={"file_id": at("file_id", Kind.RECORDING)}, only=STUDENTS)


SITTING: Final[Mapping[str, Callable[[At], Request]]] = {
    "student.get_attempt": _own(),
    "student.get_receipt": _own(),
    "student.play": _own({"slot": "3"}),
    "student.report_events": _own(EVENTS),
    "student.save_answers": _own(ANSWERS),
    "student.start_attempt": lambda at: Request(
        path={"test_id": at("test_id", Kind.TEST)}, only=STUDENTS, statuses=frozenset({200, 201})
    ),
    "student.submit_attempt": _own(),
    "student.take_over_attempt": _own(),
    "student_recordings.announce_recording": _own(RECORDING),
    "student_recordings.complete_recording": _said(),
    "student_recordings.get_recording": _said(),
    "student_recordings.link_recording": _said(),
}
