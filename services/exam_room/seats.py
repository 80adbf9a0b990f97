"""Helping one student in an exam: a device that died, a login that is kept out."""

from models import Actor
from services.attempts.grant_repository import GrantRepository
from services.attempts.service import TAKEN_OVER, TakenOver
from services.exam_room.ground import ExamGround
from services.exam_room.problems import NobodySits
from services.notifications.inbox import own_room
from services.ports import ProgressFeed
from services.students.unlocking import StudentUnlocking
from utils.scope import Scope


class ExamSeats:
    """Frees attempts and logins."""

    def __init__(
        self,
        ground: ExamGround,
        attempts: GrantRepository,
        unlocking: StudentUnlocking,
        feed: ProgressFeed,
    ) -> None:
        self._ground, self._attempts, self._unlocking, self._feed = ground, attempts, unlocking, feed

    def release(self, test_id: str, student_id: str, actor: Actor) -> TakenOver:
        """Take a student's attempt from the login that holds it, for another to take it over.

        Raise StudentNotFound, or NobodySits for a student without one.
        """

        def work() -> str:
            seen = self._ground.own(test_id, actor)
            self._ground.member(seen.test, actor, student_id)
            attempt = self._attempts.free(Scope.campus(seen.test.campus_id), test_id, student_id)
            if attempt is None:
                raise NobodySits()
            self._ground.tests.record("exam.released", seen, actor, attempt_id=attempt.id)
            return attempt.id

        released = TakenOver(attempt_id=self._ground.tests.store.atomically(work))
        self._feed.publish(own_room(student_id), TAKEN_OVER, released)
        return released

    def unlock(self, test_id: str, student_id: str, actor: Actor) -> None:
        """Forget the failed logins of a student of the exam's campus; raise StudentNotFound."""
        self._ground.member(self._ground.own(test_id, actor).test, actor, student_id)
        self._unlocking.unlock(student_id, actor)
