"""Scores attempts as they are submitted, and says which scores a student may see."""

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Final

from services.assessments.documents import Assessment, AssessmentKind
from services.ports import JobEngine, Queue
from services.questions.content import AnyContent
from services.questions.key_repository import AnswerKeyRepository
from services.results.documents import AttemptResult
from services.results.repository import ResultRepository, TaskRepository
from services.results.schemas import ResultOut
from services.results.scorer import Sitting, result_of, slots_of, tasks_of
from utils.scope import Scope

MARK_JOB: Final = "results.mark"
MOST_TESTS: Final = 32  # whose contents a process remembers


class PinnedContents:
    """What the authors wrote of the versions that tests pin. Neither ever changes, so it is remembered."""

    def __init__(self, keys: AnswerKeyRepository) -> None:
        self._keys = keys
        self._lock = Lock()
        self._known: OrderedDict[str, Mapping[str, AnyContent]] = OrderedDict()

    def of(self, test: Assessment) -> Mapping[str, AnyContent]:
        """Return the contents of a published test, by the ids of versions."""
        with self._lock:
            if test.id in self._known:
                self._known.move_to_end(test.id)
                return self._known[test.id]
        wanted = [slot.version_id for slot in slots_of(test)]
        found = self._keys.contents(Scope.campus(test.campus_id), wanted)
        with self._lock:
            self._known[test.id] = found
            while len(self._known) > MOST_TESTS:
                self._known.popitem(last=False)
        return found


class AttemptScoring:
    """Scores attempts. What needs a runner, a provider or a person waits in tasks of its own."""

    def __init__(
        self,
        contents: PinnedContents,
        results: ResultRepository,
        tasks: TaskRepository,
        engine: JobEngine,
    ) -> None:
        self._contents, self._results, self._tasks, self._engine = contents, results, tasks, engine

    def ready(self, test: Assessment) -> None:
        """Read what scoring needs of a test, so that the transaction of a submit does not."""
        self._contents.of(test)

    def settle(self, test: Assessment, sitting: Sitting) -> AttemptResult:
        """Score an attempt and keep the result, in the open transaction. It runs nothing and asks nobody."""
        scope, contents = Scope.campus(test.campus_id), self._contents.of(test)
        result = result_of(test, contents, sitting)
        self._results.add(scope, result)
        if tasks := tasks_of(test, contents, sitting, result):
            self._tasks.add(scope, tasks)
            self._engine.submit(
                MARK_JOB,
                {"campus_id": test.campus_id, "attempt_id": result.id},
                queue=Queue.MARKING,
                key=f"{MARK_JOB}:{result.id}:{sitting.submitted_at:%Y%m%dT%H%M%S%f}",  # anew if reopened
                fair=test.campus_id,
            )
        return result

    def is_unseen(self, scope: Scope, attempt_id: str) -> bool:
        """Tell whether an attempt has a score that its student may not have seen."""
        result = self._results.find(scope, attempt_id)
        return result is not None and not may_be_seen(result)

    def withdraw(self, scope: Scope, attempt_id: str) -> None:
        """Forget the score of an attempt that is opened again, and what of it waits, in that transaction."""
        self._results.remove(scope, attempt_id)
        self._tasks.remove_of(scope, attempt_id)

    def shown(self, scope: Scope, attempt_id: str) -> ResultOut | None:
        """Return a score that whoever sat may see: of practice at once, of an exam when it is released."""
        result = self._results.find(scope, attempt_id)
        return self.seen(result) if result else None

    def seen(self, result: AttemptResult) -> ResultOut | None:
        """Return what whoever sat may see of a score."""
        return ResultOut.of(result) if may_be_seen(result) else None


def may_be_seen(result: AttemptResult) -> bool:
    """Tell whether the student may see a score; the one place that decides it."""
    return result.kind == AssessmentKind.PRACTICE or result.released_at is not None
