"""Results put together."""

from dataclasses import dataclass
from typing import Self

from services.accounts.area import Surroundings
from services.questions.key_repository import AnswerKeyRepository
from services.results.marking import MarkingJob, Marks
from services.results.providers import CodeRunner, MarkingProvider
from services.results.repository import ResultRepository, TaskRepository
from services.results.service import AttemptScoring, PinnedContents


@dataclass(frozen=True, slots=True)
class ResultArea:
    """What the rest may use of the results."""

    scoring: AttemptScoring
    results: ResultRepository
    marks: Marks
    marking: MarkingJob

    @classmethod
    def over(cls, around: Surroundings, runner: CodeRunner, provider: MarkingProvider) -> Self:
        """Return the area on one database."""
        store, keys = around.store, AnswerKeyRepository(around.store)
        results, tasks = ResultRepository(store), TaskRepository(store)
        marks = Marks(results, tasks, store, around.audit)
        return cls(
            scoring=AttemptScoring(PinnedContents(keys), results, tasks, around.engine),
            results=results,
            marks=marks,
            marking=MarkingJob(tasks, keys, marks, runner, provider),
        )
