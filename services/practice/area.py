"""Practice put together."""

from dataclasses import dataclass
from typing import Self

from services.accounts.area import Surroundings
from services.ports import ProgressFeed
from services.practice.overrides import Means, PracticeOverrides
from services.practice.progress import PracticeProgress
from services.practice.repository import OverrideRepository
from services.practice.standing import Standings
from services.questions.modules import ModuleService
from services.results.progress_repository import ProgressRepository
from services.students.area import StudentArea


@dataclass(frozen=True, slots=True)
class PracticeArea:
    """What the rest may use of practice."""

    overrides: PracticeOverrides
    progress: PracticeProgress
    standings: Standings

    @classmethod
    def over(
        cls, around: Surroundings, students: StudentArea, modules: ModuleService, feed: ProgressFeed
    ) -> Self:
        """Return the area on one database."""
        store = around.store
        rows = OverrideRepository(store)
        standings = Standings(modules, ProgressRepository(store), rows)
        means = Means(store, around.audit, feed, around.clock)
        return cls(
            overrides=PracticeOverrides(rows, students.roll, modules, means),
            progress=PracticeProgress(standings, students.roll, students.students, students.batches),
            standings=standings,
        )
