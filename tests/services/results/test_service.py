"""Scores as they are kept: once each, whole when nothing waits any more, shown when they may be."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from integrations.embedded_runner import EmbeddedRunner
from integrations.no_marker import NoMarker
from integrations.no_runner import NoRunner
from integrations.threads_engine import ThreadsEngine
from main import Runtime
from services.assessments.documents import Assessment, AssessmentKind
from services.jobs.repository import JobRepository
from services.ports import Done, Later, Lease, Queue
from services.questions.documents import AnswerKey
from services.questions.key_repository import AnswerKeyRepository
from services.questions.scoring.programs import Verdict
from services.results.documents import CaseFound, MarkingTask, ResultState
from services.results.marking import MarkingJob, Marks
from services.results.providers import OpenAnswer, Program, RunnerAway, Suggestion, Trial
from services.results.repository import ResultRepository, TaskRepository
from services.results.service import MARK_JOB, AttemptScoring, PinnedContents
from tests.questions import canary
from tests.services.questions.scoring.test_score import RIGHT
from tests.services.results.sittings import CONTENTS, D, exam, sitting
from utils.clock import SystemClock
from utils.decimals import to_stored
from utils.scope import Scope

NORTH = Scope.campus("campus")
ESSAY, PROGRAM, SPEECH = {"text": "Words"}, {"language": "python", "source": "print(1)"}, {"file_id": "f"}


class Script:
    """A runner that says what it is told to, and counts."""

    languages = frozenset({"python"})

    def __init__(self, *found: CaseFound | Exception) -> None:
        self.found, self.asked = list(found), 0

    def run(self, _program: Program, trials: Sequence[Trial]) -> Iterator[CaseFound]:
        for _ in trials:
            self.asked += 1
            said = self.found.pop(0)
            if isinstance(said, Exception):
                raise said
            yield said


class Ear:
    """A provider that hears what it is told to."""

    name = "ear"

    def __init__(self, said: Suggestion | None) -> None:
        self.said = said

    def suggest(self, _answer: OpenAnswer) -> Suggestion | None:
        return self.said


RIGHT_RUN, WRONG_RUN = CaseFound(verdict=Verdict.ACCEPTED), CaseFound(verdict=Verdict.WRONG_ANSWER)


class Bench:
    """The parts of the area over one database, with keys of every type in it and nobody who runs jobs."""

    def __init__(self, runtime: Runtime) -> None:
        store = self.store = runtime.store
        self.keys = AnswerKeyRepository(store)
        self.keys.add(
            NORTH,
            [
                AnswerKey(id=name, campus_id="campus", question_id=name, content=to_stored(one.model_dump()))
                for name, one in CONTENTS.items()
            ],
        )
        self.results, self.tasks = ResultRepository(store), TaskRepository(store)
        self.marks = Marks(self.results, self.tasks, store, runtime.audits.service)
        engine = ThreadsEngine(JobRepository(store), store, runtime.processor, SystemClock(), 30)
        engine.handle(MARK_JOB, lambda _: Done(), lambda *_: None)  # never: nothing looks for its work
        self.scoring = AttemptScoring(PinnedContents(self.keys), self.results, self.tasks, engine)

    def settled(self, test: Assessment, *responses: Any) -> str:
        sat = sitting(*responses)
        return self.store.atomically(lambda: self.scoring.settle(test, sat)).id

    def job(self, runner: Any = None, provider: Any = None) -> MarkingJob:
        return MarkingJob(self.tasks, self.keys, self.marks, runner or NoRunner(), provider or NoMarker())

    def result(self) -> Any:
        return self.results.find(NORTH, "attempt")

    def task(self) -> MarkingTask:
        [task] = self.tasks.of_attempt(NORTH, "attempt")
        return task


@pytest.fixture
def bench(runtime: Runtime, db: Any, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.delitem(runtime.engine._handlers, MARK_JOB)  # these tests run it themselves
    return Bench(runtime)


def orders(db: Any) -> list[str]:
    """Return the keys of the jobs that were ordered."""
    return [job["_id"] for job in db.engine_jobs.find({"queue": Queue.MARKING, "state": "available"})]


def lease(alive: bool = True) -> Lease:
    return Lease("job", 1, {"campus_id": "campus", "attempt_id": "attempt"}, 1, lambda: alive)


def test_an_attempt_is_scored_and_kept_in_the_transaction_of_its_end(bench: Bench, db: Any) -> None:
    bench.settled(exam("single", "numeric"), RIGHT["single"], {"value": "?"})

    assert bench.result().score == 1
    assert orders(db) == []

    def fails() -> None:
        bench.scoring.settle(exam("essay"), sitting(ESSAY, attempt_id="other"))
        raise LookupError

    with pytest.raises(LookupError):
        bench.store.atomically(fails)
    assert [row["_id"] for row in db.test_results.find()] == ["attempt"]
    assert db.marking_tasks.count_documents({}) == 0


def test_the_contents_of_a_published_test_are_read_once(bench: Bench, db: Any) -> None:
    test = exam("single")
    bench.scoring.ready(test)
    db.answer_keys.delete_many({})

    bench.settled(test, RIGHT["single"])

    assert bench.result().score == 1


def test_a_student_sees_a_score_of_practice_at_once_and_one_of_an_exam_when_it_is_released(
    bench: Bench, db: Any
) -> None:
    own, other = Scope.own("student", "campus"), Scope.own("another", "campus")
    bench.settled(exam("single", kind=AssessmentKind.PRACTICE), RIGHT["single"])
    found = bench.scoring.shown(own, "attempt")
    assert found is not None and found.model_dump(mode="json") == {
        "state": "scored",
        "score": "1",
        "max_score": "1",
        "percent": "100",
        "items": [{"slot": "1", "blank": False, "mark": "1", "max_mark": "1"}],
    }
    assert bench.scoring.shown(other, "attempt") is None

    db.test_results.update_one({}, {"$set": {"kind": "online"}})
    assert bench.scoring.shown(own, "attempt") is None

    db.test_results.update_one({}, {"$set": {"released_at": db.test_results.find_one()["submitted_at"]}})
    assert bench.scoring.shown(own, "attempt") == found


def test_a_program_is_run_in_the_cases_of_the_key_and_completes_the_score(bench: Bench, db: Any) -> None:
    bench.settled(exam("single", "code", mark="2"), RIGHT["single"], PROGRAM)
    assert [key.rpartition(":")[0] for key in orders(db)] == [f"{MARK_JOB}:attempt"]
    assert bench.result().state is ResultState.AWAITING
    slow = CaseFound(verdict=Verdict.ACCEPTED, slow=True)
    runner = Script(WRONG_RUN, slow)

    assert isinstance(bench.job(runner).run(lease()), Done)

    result, task = bench.result(), bench.task()
    assert (result.state, result.score, result.revision) == (ResultState.SCORED, 3, 2)
    assert (task.state, task.fraction, task.marked_by) == ("done", D("0.5"), "runner")
    assert task.cases == (WRONG_RUN, slow)
    assert isinstance(bench.job(Script()).run(lease()), Done)
    assert bench.result() == result
    assert db.audit.count_documents({"action": "answer.marked"}) == 1


def test_a_run_that_was_broken_off_goes_on_where_it_was(bench: Bench) -> None:
    bench.settled(exam("code"), PROGRAM)

    assert isinstance(bench.job(Script(RIGHT_RUN)).run(lease(alive=False)), Later)
    assert bench.task().cases == (RIGHT_RUN,)
    assert isinstance(bench.job(Script(RunnerAway("busy"))).run(lease()), Later)
    runner = Script(RIGHT_RUN)
    assert isinstance(bench.job(runner).run(lease()), Done)

    assert runner.asked == 1 and bench.result().score == 1


def test_a_run_that_died_before_its_mark_is_marked_without_another_run(bench: Bench) -> None:
    bench.settled(exam("code"), PROGRAM)
    for place in range(2):
        assert bench.tasks.add_case(NORTH, bench.task(), place, RIGHT_RUN)

    assert isinstance(bench.job(Script()).run(lease()), Done)

    assert bench.result().score == 1


def test_a_program_that_two_have_left_is_run_on(bench: Bench) -> None:
    bench.settled(exam("code"), PROGRAM)
    stale = bench.task()

    class Late(Script):
        def run(self, program: Program, trials: Sequence[Trial]) -> Iterator[CaseFound]:
            assert bench.tasks.add_case(NORTH, stale, 0, RIGHT_RUN)  # by a worker that has lost its lease
            yield from super().run(program, trials)

    first = bench.job(Late(RIGHT_RUN, RIGHT_RUN)).run(lease())
    assert not isinstance(first, Done) and bench.result().state is ResultState.AWAITING

    assert isinstance(bench.job(Script(RIGHT_RUN)).run(lease()), Done)
    assert bench.result().score == 1


def test_two_that_run_the_same_program_give_it_one_mark(bench: Bench, db: Any) -> None:
    bench.settled(exam("code"), PROGRAM)
    jobs = [bench.job(Script(RIGHT_RUN, RIGHT_RUN)) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda job: job.run(lease()), jobs))

    assert any(isinstance(one, Done) for one in done)
    again = bench.job(Script(RIGHT_RUN, RIGHT_RUN)).run(lease())  # as whoever met another one does
    assert isinstance(again, Done)
    assert bench.result().score == 1 and bench.result().revision == 2
    assert db.audit.count_documents({"action": "answer.marked"}) == 1


def test_several_answers_of_an_attempt_that_are_marked_at_once_all_count(bench: Bench) -> None:
    bench.settled(exam("essay", "spoken", "code"), ESSAY, SPEECH, PROGRAM)
    tasks = bench.tasks.of_attempt(NORTH, "attempt")

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(lambda task: bench.marks.put(task, D("0.5"), "somebody"), [*tasks, *tasks]))

    assert sorted(won) == [False] * 3 + [True] * 3
    assert bench.result().score == D("1.5") and bench.result().revision == 4


@pytest.mark.parametrize("language", ["cobol", ""])
def test_a_language_that_the_question_does_not_offer_earns_nothing(bench: Bench, language: str) -> None:
    bench.settled(exam("code"), {"language": language, "source": "print(1)"})

    assert isinstance(bench.job(Script()).run(lease()), Done)

    assert bench.result().score == 0
    assert {case.verdict for case in bench.task().cases} == {Verdict.COMPILE_ERROR}


def test_a_program_that_nothing_here_runs_waits_for_a_person(bench: Bench) -> None:
    bench.settled(exam("code"), PROGRAM)

    assert isinstance(bench.job(NoRunner()).run(lease()), Done)

    assert bench.result().state is ResultState.AWAITING
    assert bench.task().fault == "there is no runner for python"
    assert bench.marks.put(bench.task(), D(1), "somebody") and bench.result().score == 1


def test_what_never_came_to_an_end_waits_for_a_person_and_says_why(bench: Bench) -> None:
    bench.settled(exam("code"), PROGRAM)

    bench.job().dead(lease().args, "no worker survived it")

    assert bench.task().fault == "no worker survived it"
    assert isinstance(bench.job(Script()).run(lease()), Done)
    assert bench.result().state is ResultState.AWAITING


def test_what_a_provider_thinks_is_kept_and_is_no_mark(bench: Bench) -> None:
    bench.settled(exam("essay"), ESSAY)

    bench.job(provider=Ear(Suggestion(D("0.9"), fraction=D("0.75")))).run(lease())

    suggestion = bench.task().suggestion
    assert suggestion is not None and (suggestion.provider, suggestion.fraction) == ("ear", D("0.75"))
    assert bench.result().state is ResultState.AWAITING
    bench.job(provider=Ear(Suggestion(D(1), fraction=D(0)))).run(lease())
    assert bench.task().suggestion == suggestion


def test_what_a_provider_heard_is_scored_by_the_rule_of_the_question(bench: Bench) -> None:
    bench.settled(exam("spoken"), SPEECH)

    bench.job(provider=Ear(Suggestion(D("0.9"), transcript="KEY heard"))).run(lease())

    suggestion = bench.task().suggestion
    assert suggestion is not None and suggestion.fraction == 1 and suggestion.transcript == "KEY heard"


def test_a_program_is_really_run_and_no_claim_of_the_student_counts(bench: Bench) -> None:
    runner = EmbeddedRunner(256)
    if not runner.languages:
        pytest.skip("programs cannot be locked in on this machine")
    source = f"print({{'1': '1', {canary('input')!r}: {canary('output')!r}}}[input()])"
    bench.settled(exam("code", mark="3"), {"language": "python", "source": source})

    assert isinstance(bench.job(runner).run(lease()), Done)

    assert bench.result().score == 3
    assert [case.verdict for case in bench.task().cases] == [Verdict.ACCEPTED] * 2
