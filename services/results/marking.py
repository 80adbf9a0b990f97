"""Marks what scoring alone could not: programs by the runner, the rest by whoever looks at it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from services.audit.service import AuditService
from services.ports import JSON, Done, JobResult, Later, Lease
from services.questions.content import AnyContent, Code, QuestionSet, Spoken
from services.questions.key_repository import AnswerKeyRepository
from services.questions.responses import children_of, readable
from services.questions.scoring.programs import CaseResult, Verdict
from services.questions.scoring.score import Findings, score
from services.results.documents import CaseFound, MarkingTask, Suggested, TaskState
from services.results.providers import (
    CodeRunner,
    MarkingProvider,
    OpenAnswer,
    Program,
    RunnerAway,
    Suggestion,
    Trial,
)
from services.results.repository import ResultRepository, TaskRepository
from services.results.scorer import with_fraction
from utils.decimals import ZERO
from utils.scope import Scope
from utils.store import Store

RUNNER: Final = "runner"
SYSTEM: Final = "system"
AGAIN_SECONDS: Final = 30.0  # until a runner that is away is asked again


class Marks:
    """Puts a mark on an answer that waits for one. Each gets one mark, whoever is first."""

    def __init__(
        self, results: ResultRepository, tasks: TaskRepository, store: Store, audit: AuditService
    ) -> None:
        self._results, self._tasks, self._store, self._audit = results, tasks, store, audit

    def put(self, task: MarkingTask, fraction: Decimal, by: str) -> bool:
        """Give an answer a fraction of its mark, and the attempt its score once nothing waits any more."""
        scope = Scope.campus(task.campus_id)
        done = task.model_copy(update={"fraction": fraction, "marked_by": by})

        def work() -> bool:
            if not self._tasks.close(scope, done):
                return False
            result = self._results.find(scope, task.attempt_id)
            if result is not None:
                self._results.replace(scope, result, with_fraction(result, task.slot, task.child, fraction))
            self._audit.record(
                "answer.marked", actor_id=SYSTEM, campus_id=task.campus_id, target=f"answer:{task.id}", by=by
            )
            return True

        return self._store.atomically(work)


class MarkingJob:
    """Marks what an attempt left open, as far as that goes without a person. It may be run again."""

    def __init__(
        self,
        tasks: TaskRepository,
        keys: AnswerKeyRepository,
        marks: Marks,
        runner: CodeRunner,
        provider: MarkingProvider,
    ) -> None:
        self._tasks, self._keys, self._marks = tasks, keys, marks
        self._runner, self._provider = runner, provider

    def run(self, lease: Lease) -> JobResult:
        """Go through the open answers of one attempt."""
        scope = _scope(lease.args)
        for task in self._tasks.of_attempt(scope, str(lease.args["attempt_id"])):
            if task.state is TaskState.DONE or task.fault or task.suggestion:
                continue
            content = self._content(scope, task)
            if isinstance(content, Code):
                try:
                    ran = self._run(scope, task, content, lease)
                except RunnerAway:
                    return Later(AGAIN_SECONDS)
                if not ran:
                    return Later(0)
            elif content is not None:
                self._suggest(scope, task, content)
        return Done()

    def dead(self, args: Mapping[str, JSON], reason: str) -> None:
        """Leave to a person what never came to an end."""
        scope = _scope(args)
        for task in self._tasks.of_attempt(scope, str(args["attempt_id"])):
            if task.state is TaskState.OPEN and task.suggestion is None:
                self._tasks.give_up(scope, task, reason)

    def _content(self, scope: Scope, task: MarkingTask) -> AnyContent | None:
        content = self._keys.content(scope, task.version_id)
        if isinstance(content, QuestionSet):
            return children_of(content).get(task.child or "")
        return content

    def _run(self, scope: Scope, task: MarkingTask, content: Code, lease: Lease) -> bool:
        """Run a program in the cases that are left; False if it has to be looked at again."""
        language = str(task.response.get("language", ""))
        if language in content.body.languages and language not in self._runner.languages:
            self._tasks.give_up(scope, task, f"there is no runner for {language}")
            return True
        found = list(task.cases)
        for case in self._cases(task, content):
            if not self._tasks.add_case(scope, task, len(found), case):
                return False  # somebody else runs it, who may have lost the lease, or it is marked
            found.append(case)
            if not lease.alive():
                return False
        fraction = _score(content, task.response, Findings(results=_results(found)))
        self._marks.put(task, fraction or ZERO, RUNNER)
        return True

    def _cases(self, task: MarkingTask, content: Code) -> Any:
        left = content.key.cases[len(task.cases) :]
        program = Program(str(task.response.get("language", "")), str(task.response.get("source", "")))
        if program.language not in content.body.languages:
            return [CaseFound(verdict=Verdict.COMPILE_ERROR) for _ in left]
        return self._runner.run(program, [Trial(one.input, one.output, one.time_ms) for one in left])

    def _suggest(self, scope: Scope, task: MarkingTask, content: AnyContent) -> None:
        """Ask the provider; what it heard is scored by the question's rule, where that is not a rubric."""
        answer = OpenAnswer(content, str(task.response.get("text", "")), task.response.get("file_id"))
        said = self._provider.suggest(answer)
        if said is None:
            return
        fraction = said.fraction if said.fraction is not None else _heard(content, task.response, said)
        suggestion = Suggested(
            provider=self._provider.name,
            fraction=fraction,
            transcript=said.transcript,
            confidence=said.confidence,
        )
        self._tasks.suggest(scope, task, suggestion)


def _heard(content: AnyContent, response: Mapping[str, Any], said: Suggestion) -> Decimal | None:
    return _score(content, response, Findings(said.transcript)) if isinstance(content, Spoken) else None


def _score(content: AnyContent, response: Mapping[str, Any], findings: Findings) -> Decimal | None:
    return score(content, readable(content, response), findings=findings).fraction


def _results(found: list[CaseFound]) -> list[CaseResult]:
    return [CaseResult(ZERO, one.verdict, slow=one.slow) for one in found]


def _scope(args: Mapping[str, JSON]) -> Scope:
    return Scope.campus(str(args["campus_id"]))
