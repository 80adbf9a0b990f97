"""How attempts begin: once, however often and wherever somebody presses the button."""

import secrets
from contextlib import suppress
from typing import Any, Final, Protocol

from pymongo.errors import DuplicateKeyError

from config.permissions import Permission
from models import Actor
from services.assessments.documents import Assessment, AssessmentKind
from services.assessments.phases import end_for
from services.assessments.problems import AssessmentNotFound
from services.assessments.repository import Seen
from services.attempts.closing import AttemptClosing
from services.attempts.documents import AttemptState, ClosedBy
from services.attempts.ground import Ground, closed, own
from services.attempts.problems import AttemptHeldElsewhere, AttemptsUsedUp, WindowNotOpen
from services.attempts.repository import Now
from services.attempts.schemas import AttemptOut
from services.attempts.showing import shown
from services.features.switches import require
from services.students.documents import Student
from services.students.repository import StudentRepository
from utils.clock import written
from utils.documents import new_id
from utils.problems import Unavailable
from utils.store import Row

TRIES: Final = 3
SEED_BYTES: Final = 16
TAKES: Final = {
    AssessmentKind.ONLINE: Permission.ATTEMPT_TAKE,
    AssessmentKind.PRACTICE: Permission.PRACTICE_TAKE,
}


class StartGate(Protocol):
    """Answers for a later area: whether somebody may begin a test that is open to them otherwise."""

    def require(self, student: Student, test: Assessment, /) -> None:
        """Raise a Problem that says why not."""


class AttemptStarts:
    """Starts attempts, and goes on with those that have begun."""

    def __init__(
        self, ground: Ground, closing: AttemptClosing, students: StudentRepository, gate: StartGate
    ) -> None:
        self._ground, self._closing, self._students, self._gate = ground, closing, students, gate

    def start(self, test_id: str, actor: Actor) -> AttemptOut:
        """Begin an attempt at a test, or go on with the one that this session has begun (``found``)."""
        student = self._students.find(own(actor), actor.id)
        seen = self._ground.tests.taken_by(student, test_id) if student else None
        if student is None or seen is None:
            raise AssessmentNotFound()
        require(actor, TAKES[seen.test.kind])
        for _ in range(TRIES):
            latest = self._ground.attempts.latest(own(actor), test_id)
            if latest is None or latest.attempt.state is AttemptState.SUBMITTED:
                with suppress(DuplicateKeyError):  # somebody was faster; a transaction then begins anew
                    return self._begun(latest, seen, student, actor)
            elif closed(latest):
                self._closing.close(latest.attempt, ClosedBy.DEADLINE)  # nobody has swept it yet
            else:
                return self._resumed(latest, seen.test, actor)
        raise Unavailable("The attempt is being started.", retry_after=1)

    def _resumed(self, latest: Now, test: Assessment, actor: Actor) -> AttemptOut:
        if latest.attempt.session_id != actor.session_id:
            raise AttemptHeldElsewhere(attempt_id=latest.attempt.id)
        return shown(self._ground, latest, test, found=True)

    def _begun(self, latest: Now | None, seen: Seen, student: Student, actor: Actor) -> AttemptOut:
        _refuse_outside_window(seen, student)
        self._gate.require(student, seen.test)
        number = latest.attempt.number if latest else 0
        allowed = seen.test.attempts_allowed
        if latest and allowed is not None and number >= allowed + student.accommodations.extra_attempts:
            raise AttemptsUsedUp(attempt_id=latest.attempt.id)
        key = {"test_id": seen.test.id, "number": number + 1}
        facts = _facts(seen.test, student, actor)
        attempt = self._ground.attempts.begin(own(actor), new_id(), key, facts)
        self._ground.memory.attempt(attempt)
        return shown(self._ground, Now(attempt, attempt.started_at), seen.test)


def _refuse_outside_window(seen: Seen, student: Student) -> None:
    """Raise WindowNotOpen unless the test can be begun now by this student, by mongod's clock."""
    test, now = seen.test, seen.now
    end = end_for(test, student.accommodations.time_percent)
    if (test.window_start_at and now < test.window_start_at) or (end and now >= end):
        opens, closes, server_time = (at and written(at) for at in (test.window_start_at, end, now))
        raise WindowNotOpen(opens_at=opens, closes_at=closes, server_time=server_time)


def _facts(test: Assessment, student: Student, actor: Actor) -> dict[str, Any]:
    facts: Row = {
        "course_ids": list(test.course_ids),
        "batch_id": student.batch_id,
        "kind": test.kind,
        "state": AttemptState.ACTIVE,
        "seed": secrets.token_hex(SEED_BYTES),
        "duration_seconds": test.duration_minutes * 60,
        "time_percent": student.accommodations.time_percent,
        "granted_seconds": 0,
        "window_end_at": test.window_end_at,
        "session_id": actor.session_id,
        "answers": {},
        "plays": {},
        "extra_plays": student.accommodations.extra_plays,
        "gap_seconds": 0,
        "flags": 0,
        "closed_by": None,
        "submitted_at": None,
    }
    return facts
