"""Attempts put together."""

from dataclasses import dataclass
from typing import Self

from services.accounts.area import Surroundings
from services.assessments.area import AssessmentArea
from services.attempts.answers import AnswerService
from services.attempts.closing import AttemptClosing
from services.attempts.ground import Ground
from services.attempts.plays import Plays
from services.attempts.receipts import Receipts
from services.attempts.recordings import Recordings
from services.attempts.repository import AttemptRepository
from services.attempts.save_repository import SaveRepository
from services.attempts.service import AttemptService
from services.attempts.starting import AttemptStarts, StartGate
from services.files.service import FileService
from services.ports import ProgressFeed
from services.results.service import AttemptScoring
from services.students.repository import StudentRepository


@dataclass(frozen=True, slots=True)
class AttemptArea:
    """What the rest may use of attempts."""

    answers: AnswerService
    attempts: AttemptService
    closing: AttemptClosing
    plays: Plays
    recordings: Recordings
    starts: AttemptStarts
    ground: Ground

    @classmethod
    def over(
        cls,
        around: Surroundings,
        tests: AssessmentArea,
        students: StudentRepository,
        scoring: AttemptScoring,
        files: FileService,
        feed: ProgressFeed,
        gate: StartGate,
    ) -> Self:
        """Return the area on one database; ``gate`` may keep students from beginning."""
        store, settings = around.store, around.settings
        receipts = Receipts.derived(settings.receipt_key, settings.receipt_key_previous)
        attempts = AttemptRepository(store)
        ground = Ground(attempts, SaveRepository(store, attempts), tests.stored, tests.papers, receipts)
        closing, recordings = AttemptClosing(ground, store, scoring), Recordings(ground, files)
        return cls(
            answers=AnswerService(ground, store, recordings),
            attempts=AttemptService(ground, store, around.audit, feed),
            closing=closing,
            plays=Plays(ground, files),
            recordings=recordings,
            starts=AttemptStarts(ground, closing, students, gate),
            ground=ground,
        )
