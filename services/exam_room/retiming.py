"""Letting a changed window or duration reach those who sit the test already."""

from datetime import timedelta
from typing import Final

from models import Actor
from services.assessments.documents import Assessment
from services.ports import JSON, JobEngine, Queue
from utils.clock import Clock

RETIME_JOB: Final = "exam_room.retime"
ONCE_MORE: Final = timedelta(seconds=2)  # for an attempt that began while the test was changed


class AttemptRetiming:
    """Answers Retiming for the tests: durable jobs do the rest, however many sit the test."""

    def __init__(self, engine: JobEngine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    def retimed(self, test: Assessment, _actor: Actor) -> None:
        """Let the test's present window and duration hold for running attempts. For a transaction."""
        args: dict[str, JSON] = {"test_id": test.id, "campus_id": test.campus_id}
        now = self._clock.now()
        for name, run_at in (("now", now), ("again", now + ONCE_MORE)):
            key = f"retime:{test.id}:{test.revision}:{name}"
            self._engine.submit(
                RETIME_JOB, args, queue=Queue.EXAMS, key=key, fair=test.campus_id, run_at=run_at
            )
