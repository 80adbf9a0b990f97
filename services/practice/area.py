"""Practice put together."""

from dataclasses import dataclass
from typing import Self

from services.accounts.area import Surroundings
from services.assessments.repository import AssessmentRepository
from services.attempts.ground import Ground
from services.attempts.history_repository import HistoryRepository
from services.ports import ProgressFeed
from services.practice.feedback import AnswerFeedback
from services.practice.listing import PracticeList
from services.practice.overrides import Means, PracticeOverrides
from services.practice.progress import PracticeProgress
from services.practice.repository import OverrideRepository
from services.practice.standing import Standings
from services.questions.modules import ModuleService
from services.results.area import ResultArea
from services.results.progress_repository import ProgressRepository
from services.students.area import StudentArea
from utils.store import Store


@dataclass(frozen=True, slots=True)
class PracticeArea:
    """What the rest may use of practice."""

    overrides: PracticeOverrides
    progress: PracticeProgress
    tests: PracticeList
    feedback: AnswerFeedback

    @classmethod
    def over(
        cls,
        around: Surroundings,
        students: StudentArea,
        modules: ModuleService,
        sitting: tuple[Ground, ResultArea],
        feed: ProgressFeed,
    ) -> Self:
        """Return the area on one database; ``sitting`` are the attempts and their results."""
        store, (ground, results) = around.store, sitting
        standings = standings_over(store, modules)
        means = Means(store, around.audit, feed, around.clock)
        return cls(
            overrides=PracticeOverrides(OverrideRepository(store), students.roll, modules, means),
            progress=PracticeProgress(standings, students.roll, students.students, students.batches),
            tests=PracticeList(
                standings,
                AssessmentRepository(store),
                HistoryRepository(store),
                students.roll,
                around.clock,
            ),
            feedback=AnswerFeedback(ground, results.contents, results.results),
        )


def standings_over(store: Store, modules: ModuleService) -> Standings:
    """Return what works out how students stand."""
    return Standings(modules, ProgressRepository(store), OverrideRepository(store))
