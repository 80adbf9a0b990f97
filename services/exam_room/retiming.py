"""Letting a changed window or duration reach those who sit the test already."""

from typing import Final

from models import Actor
from services.assessments.documents import Assessment
from services.ports import JSON, JobEngine, Queue

RETIME_JOB: Final = "exam_room.retime"


class AttemptRetiming:
    """Answers Retiming for the tests: a durable job does the rest, however many sit the test."""

    def __init__(self, engine: JobEngine) -> None:
        self._engine = engine

    def retimed(self, test: Assessment, _actor: Actor) -> None:
        """Let the test's present window and duration hold for running attempts. For a transaction."""
        args: dict[str, JSON] = {"test_id": test.id, "campus_id": test.campus_id}
        key = f"retime:{test.id}:{test.revision}"
        self._engine.submit(RETIME_JOB, args, queue=Queue.EXAMS, key=key, fair=test.campus_id)
