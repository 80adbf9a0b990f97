"""Live status of exams: whoever watches one is told at most once a second, and of everything that changed."""

from collections.abc import Collection
from typing import Final

from services.assessments.repository import AssessmentRepository
from services.exam_room.repository import TurnRepository
from services.exam_room.schemas import ExamStatus
from services.exam_room.status import ExamRoom
from services.ports import ProgressFeed
from utils.scope import Scope

GAP_MS: Final = 1_000
MS_EACH: Final = 1  # of an audience: a large exam is looked at less often, as that takes longer
REPEAT_SECONDS: Final = 10
EXAM_ROOM: Final = "exam"  # and the test's id: the room of those who watch it
STATUS_EVENT: Final = "exam:status"
WATCHED: Final = Scope.unscoped("exams that somebody watches")


class ExamAnnouncer:
    """Looks at the exams that are watched in this process, so that no save has to tell of itself.

    Of all processes one looks at a time. What was said last is not said again, but for every ten seconds: a
    broker may have lost it.
    """

    def __init__(
        self, room: ExamRoom, tests: AssessmentRepository, turns: TurnRepository, feed: ProgressFeed
    ) -> None:
        self._room, self._tests, self._turns, self._feed = room, tests, turns, feed
        self._totals: dict[str, int] = {}

    def look(self, watched: Collection[str]) -> None:
        """Tell the watchers of these tests what has changed."""
        self._totals = {test_id: total for test_id, total in self._totals.items() if test_id in watched}
        for test_id in watched:
            said = self._turns.take(test_id, max(GAP_MS, self._totals.get(test_id, 0) * MS_EACH))
            if said is not None:
                self._announce(test_id, said)

    def _announce(self, test_id: str, said: str) -> None:
        seen = self._tests.find(WATCHED, test_id)
        if seen is None:
            return
        status = self._room.shown(seen)
        self._totals[test_id] = status.total
        told = _fingerprint(status)
        if told != said:
            self._feed.publish(f"{EXAM_ROOM}:{test_id}", STATUS_EVENT, status)
            self._turns.said(test_id, told)


def _fingerprint(status: ExamStatus) -> str:
    lately = int(status.server_time.timestamp()) // REPEAT_SECONDS
    return f"{lately} {status.model_dump_json(exclude={'server_time'})}"
