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
    contents: PinnedContents
    results: ResultRepository
    marks: Marks
    marking: MarkingJob

    @classmethod
    def over(cls, around: Surroundings, runner: CodeRunner, provider: MarkingProvider) -> Self:
        """Return the area on one database."""
        store, keys = around.store, AnswerKeyRepository(around.store)
        results, tasks, contents = ResultRepository(store), TaskRepository(store), PinnedContents(keys)
        marks = Marks(results, tasks, store, around.audit)
        return cls(
            scoring=AttemptScoring(contents, results, tasks, around.engine),
            contents=contents,
            results=results,
            marks=marks,
            marking=MarkingJob(tasks, keys, marks, runner, provider),
        )
