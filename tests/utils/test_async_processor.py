"""Two queues of a process: bounded, tracked, in order, never stuck. On real threads."""

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.waiting import until
from utils.async_processor import AsyncProcessor
from utils.clock import SystemClock
from utils.context import acts_for, begin_request, caused_by, principal, request_id, trace_id
from utils.lanes import Bound, DrainReport
from utils.problems import NotFound
from utils.tasks import KEPT, ServerIsBusy, Task, TaskLog, TaskQueue, TaskState, TaskView, TookTooLong


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What keeps tasks running until the test opens it."""
    event = threading.Event()
    yield event
    event.set()


def look(processor: AsyncProcessor, task: Task[Any]) -> TaskView:
    """Return a task that is known."""
    found = processor.task(task.id)
    assert found is not None
    return found


class Watch:
    """Counts what runs at once, and remembers what ran."""

    def __init__(self) -> None:
        self._lock, self.now, self.most = threading.Lock(), 0, 0
        self.ran: list[Any] = []

    def __call__(self, what: Any = None, seconds: float = 0.0) -> Any:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(seconds)
        with self._lock:
            self.now -= 1
            self.ran.append(what)
        return what


class Figures:
    """Adds up what the processor says of itself."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str]] = []
        self.refused = 0
        self.most: dict[str, tuple[int, int]] = {}
        self.last: dict[str, tuple[int, int]] = {}

    def queue_is(self, queue: str, waiting: int, running: int) -> None:
        most = self.most.get(queue, (0, 0))
        self.most[queue] = max(most[0], waiting), max(most[1], running)
        self.last[queue] = waiting, running

    def task_refused(self, queue: str) -> None:
        self.refused += 1

    def task_ended(self, queue: str, state: str, waited: float, seconds: float) -> None:
        assert waited >= 0
        assert seconds >= 0
        self.ended.append((queue, state))


# --- bounds -----------------------------------------------------------------------------------------------


def test_the_engine_gets_no_more_started_than_can_run_at_once(gate: threading.Event) -> None:
    processor = AsyncProcessor(2)

    taken = [processor.try_submit(gate.wait, 60) for _ in range(3)]

    assert taken == [True, True, False]
    gate.set()
    assert processor.drain(60).running == 0


def test_a_thread_that_cannot_be_started_costs_no_seat_and_leaves_nothing_queued(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor, ran = AsyncProcessor(2), list[str]()
    first = processor.submit(gate.wait, 60)

    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    for start in (processor.try_submit, processor.submit):
        with pytest.raises(RuntimeError, match="can't start"):
            start(ran.append, "refused")
    monkeypatch.undo()

    assert processor.running == 1
    gate.set()
    first.result(60)
    until(lambda: processor.running == 0)
    assert [processor.submit(ran.append, "taken").result(60) for _ in range(3)] == [None] * 3
    assert ran == ["taken"] * 3
    until(lambda: processor.running == 0)


def test_a_full_queue_is_a_503_at_once(gate: threading.Event) -> None:
    # Given one seat and two places to wait, all taken
    processor = AsyncProcessor(1, Bound(1, 2))
    tasks = [processor.call(gate.wait, 60) for _ in range(3)]

    # When one more comes
    with pytest.raises(ServerIsBusy) as refused:
        processor.call(gate.wait, 60)

    # Then it hears so without waiting, and the others are not touched
    assert not any(task.done() for task in tasks)
    assert (refused.value.status, refused.value.retry_after) == (503, 1)
    gate.set()
    assert all(task.result(60) for task in tasks)


def test_the_queues_have_bounds_of_their_own(gate: threading.Event) -> None:
    processor = AsyncProcessor(1, Bound(1, 0), background_waiting=0)
    processor.submit(gate.wait, 60)

    assert processor.call(int, "7").result(60) == 7
    with pytest.raises(ServerIsBusy):
        processor.submit(int, "7")


def test_those_for_whom_nobody_waits_any_more_make_room(gate: threading.Event) -> None:
    processor, watch = AsyncProcessor(1, Bound(1, 2)), Watch()
    processor.call(gate.wait, 60)
    cancelled = processor.call(watch, "cancelled")
    cancelled.cancel()
    late = processor.call(watch, "late", deadline=0.01)
    time.sleep(0.02)

    fresh = processor.call(watch, "fresh")

    gate.set()
    assert fresh.result(60) == "fresh"
    assert watch.ran == ["fresh"]
    assert (look(processor, cancelled).state, look(processor, late).state) == (
        TaskState.CANCELLED,
        TaskState.TIMED_OUT,
    )


@settings(max_examples=30, deadline=None)
@given(
    seats=st.integers(1, 5),
    places=st.integers(0, 8),
    work=st.lists(
        st.tuples(st.sampled_from(["call", "submit", "try"]), st.sampled_from([0.0, 0.0005, 0.002])),
        max_size=60,
    ),
)
def test_under_any_load_the_bounds_hold_and_nothing_is_lost(
    seats: int, places: int, work: list[tuple[str, float]]
) -> None:
    # Given a small processor, and work from three threads at once
    figures, call, background = Figures(), Watch(), Watch()
    processor = AsyncProcessor(seats, Bound(seats, places), background_waiting=places, figures=figures)
    taken: list[int] = []

    def hand_in(some: list[tuple[int, tuple[str, float]]]) -> None:
        for number, (how, seconds) in some:
            try:
                if how == "try":
                    if not processor.try_submit(background, number, seconds):
                        continue
                else:
                    which = processor.call if how == "call" else processor.submit
                    which(call if how == "call" else background, number, seconds)
            except ServerIsBusy:
                continue
            taken.append(number)

    threads = [
        threading.Thread(target=hand_in, args=(list(enumerate(work))[start::3],)) for start in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: all(last == (0, 0) for last in figures.last.values()))
    report = processor.drain(60)

    # Then each that was taken ran once, no more ran or waited than may, and each was counted once
    assert sorted(call.ran + background.ran) == sorted(taken)
    assert call.most <= seats
    assert background.most <= seats
    assert all(most[0] <= places and most[1] <= seats for most in figures.most.values())
    assert len(figures.ended) == len(taken)
    assert figures.refused == len(work) - len(taken)
    assert report == DrainReport()


# --- order ------------------------------------------------------------------------------------------------


class SteppedClock(SystemClock):
    """Time that moves only when the test says so."""

    seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


def order_of(work: list[tuple[int, float]], gate: threading.Event) -> list[int]:
    """Return in which order tasks ran that came with (priority, seconds since the one before)."""
    clock, watch = SteppedClock(), Watch()
    processor = AsyncProcessor(1, clock=clock)
    processor.submit(gate.wait, 60)
    for number, (priority, since) in enumerate(work):
        clock.seconds += since
        processor.submit(watch, number, priority=priority)
    gate.set()
    until(lambda: len(watch.ran) == len(work))
    processor.drain(1)
    return watch.ran


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.just(0.0)), max_size=20))
def test_the_most_urgent_goes_first_and_equals_as_they_came(work: list[tuple[int, float]]) -> None:
    expected = sorted(range(len(work)), key=lambda number: (-work[number][0], number))

    assert order_of(work, threading.Event()) == expected


def test_what_waits_long_enough_goes_before_the_urgent(gate: threading.Event) -> None:
    old, urgent = (0, 0.0), (5, 1.2)

    assert order_of([old, *[urgent] * 6], gate) == [1, 2, 3, 4, 0, 5, 6]


# --- tasks ------------------------------------------------------------------------------------------------


def test_a_task_can_be_followed_from_waiting_to_its_result(gate: threading.Event) -> None:
    processor = AsyncProcessor(1)
    begin_request("a-request")
    acts_for("u1")
    first, second = processor.submit(gate.wait, 60), processor.submit(int, "7")
    until(lambda: look(processor, first).state is TaskState.RUNNING)

    waiting = look(processor, second)
    gate.set()
    second.result(60)
    until(lambda: look(processor, second).state is TaskState.DONE)
    done = look(processor, second)

    assert (waiting.state, waiting.started_at, waiting.finished_at) == (TaskState.WAITING, None, None)
    assert (done.name, done.queue, done.result, done.error) == ("int", TaskQueue.BACKGROUND, 7, None)
    assert (done.request_id, done.principal) == ("a-request", "u1")
    assert done.started_at is not None
    assert done.finished_at is not None
    assert done.queued_at <= done.started_at <= done.finished_at
    assert done.waited > 0
    begin_request("")


@pytest.mark.expects_errors
def test_a_failure_is_logged_and_frees_its_seat(caplog: pytest.LogCaptureFixture) -> None:
    processor = AsyncProcessor(1)

    with caplog.at_level(logging.ERROR):
        failed = processor.submit(int, "a secret that is no number")
        until(lambda: look(processor, failed).state is TaskState.FAILED)
        assert processor.submit(int, "7").result(60) == 7

    assert look(processor, failed).error == "ValueError"
    assert "background work failed: int" in caplog.text


def test_a_foreseen_failure_is_told_and_not_logged() -> None:
    def missing() -> None:
        raise NotFound()

    with pytest.raises(NotFound):
        AsyncProcessor(1).submit(missing).result(60)


def test_even_a_task_that_wants_to_exit_costs_no_seat() -> None:
    processor = AsyncProcessor(1, Bound(1, 1))

    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        processor.call(leave).result(60)
    assert processor.call(int, "7").result(60) == 7


def test_only_the_last_ended_tasks_are_remembered() -> None:
    log = TaskLog(kept=3)
    tasks = [Task(int, (), TaskQueue.BACKGROUND, SystemClock()) for _ in range(5)]
    for task in tasks:
        log.add(task)
        task.run()
        log.ended(task.id, task.view())

    assert [log.find(task.id) is None for task in tasks] == [True, True, False, False, False]
    assert KEPT == 1000


# --- deadlines --------------------------------------------------------------------------------------------


def test_what_has_not_begun_at_its_deadline_never_begins(gate: threading.Event) -> None:
    processor, watch = AsyncProcessor(1, Bound(1, 5)), Watch()
    processor.call(gate.wait, 60)
    late = processor.call(watch, "late", deadline=0.05)

    with pytest.raises(TookTooLong) as problem:
        late.result()

    assert (problem.value.status, problem.value.retry_after) == (503, 1)
    gate.set()
    assert processor.call(watch, "next").result(60) == "next"
    assert watch.ran == ["next"]
    assert look(processor, late).state is TaskState.TIMED_OUT


def test_what_runs_past_its_deadline_ends_for_nobody(gate: threading.Event) -> None:
    clock = SteppedClock()
    processor = AsyncProcessor(1, clock=clock)
    late = processor.call(gate.wait, 60, deadline=1)
    until(lambda: look(processor, late).state is TaskState.RUNNING)

    clock.seconds += 1
    with pytest.raises(TookTooLong):
        late.result()

    assert look(processor, late).state is TaskState.RUNNING
    gate.set()
    until(lambda: look(processor, late).state is TaskState.TIMED_OUT)


def test_a_callers_own_patience_is_no_deadline(gate: threading.Event) -> None:
    task = AsyncProcessor(1).call(gate.wait, 60, deadline=60)

    with pytest.raises(TimeoutError):
        task.result(0.01)

    gate.set()
    assert task.result()


def test_a_timeout_of_the_work_itself_is_told_as_it_is() -> None:
    def too_slow() -> None:
        raise TimeoutError("the provider's")

    with pytest.raises(TimeoutError, match="the provider's"):
        AsyncProcessor(1).call(too_slow, deadline=60).result()


# --- context ----------------------------------------------------------------------------------------------


def test_work_knows_who_asked_and_leaks_nothing_back() -> None:
    processor = AsyncProcessor(1, Bound(1, 1))

    def look_and_change() -> tuple[str, str, str]:
        seen = request_id(), trace_id(), principal()
        begin_request("another", "trace")
        acts_for("somebody else")
        return seen

    begin_request("a-request", "a-trace")
    acts_for("u1")
    seen = [processor.call(look_and_change).result(60) for _ in range(2)]  # on the same thread

    assert seen == [("a-request", "a-trace", "u1")] * 2
    assert (request_id(), trace_id(), principal()) == ("a-request", "a-trace", "u1")
    begin_request("")


def test_durable_jobs_keep_the_id_of_their_own_cause() -> None:
    processor, seen = AsyncProcessor(1), []

    with caused_by("a-request"):
        processor.try_submit(lambda: seen.append(request_id()))

    processor.drain(60)
    assert seen == ["a-request"]


# --- several reads of one view ----------------------------------------------------------------------------


def test_several_reads_take_the_time_of_the_longest() -> None:
    together = threading.Barrier(4)  # which lets nobody go on before all four have begun

    found = AsyncProcessor(1).parallel({name: partial(together.wait, 60) for name in "abcd"}, 60)

    assert sorted(found.values()) == [0, 1, 2, 3]


def test_one_slow_read_is_one_clear_problem(gate: threading.Event) -> None:
    processor = AsyncProcessor(1)
    began = time.monotonic()

    with pytest.raises(TookTooLong):
        processor.parallel({"fast": int, "slow": lambda: gate.wait(60)}, 0.1)

    assert time.monotonic() - began < 30  # the slow one takes a minute


def test_the_first_failure_is_told_without_waiting_for_the_rest(gate: threading.Event) -> None:
    def missing() -> None:
        raise NotFound()

    began = time.monotonic()
    with pytest.raises(NotFound):
        AsyncProcessor(1).parallel({"slow": lambda: gate.wait(60), "missing": missing}, 60)
    assert time.monotonic() - began < 30


def test_reads_that_find_no_seat_are_done_by_who_asks(gate: threading.Event) -> None:
    processor, threads = AsyncProcessor(1, Bound(1, 0)), []
    processor.call(gate.wait, 60)

    found = processor.parallel({name: lambda: threads.append(threading.get_ident()) for name in "abc"}, 60)

    assert list(found) == ["a", "b", "c"]
    assert threads == [threading.get_ident()] * 3


def test_reads_that_are_done_here_end_at_the_deadline_too(gate: threading.Event) -> None:
    clock, ran = SteppedClock(), list[str]()
    processor = AsyncProcessor(1, Bound(1, 0), clock=clock)
    processor.call(gate.wait, 60)

    def read(name: str) -> None:
        clock.seconds += 0.6
        ran.append(name)

    with pytest.raises(TookTooLong):
        processor.parallel({name: partial(read, name) for name in "abcd"}, 1)

    assert ran == ["a", "b"]


def test_no_reads_are_no_results() -> None:
    assert AsyncProcessor(1).parallel({}, 1) == {}


def test_work_within_work_never_waits_for_its_own_seat() -> None:
    processor = AsyncProcessor(2, Bound(2, 50), background_waiting=50)

    def deep(depth: int) -> int:
        if depth == 0:
            return 1
        inner = processor.call(deep, depth - 1), processor.submit(deep, depth - 1)
        both = processor.parallel({"a": lambda: deep(depth - 1), "b": lambda: deep(0)}, 60)
        return sum(task.result(60) for task in inner) + int(sum(both.values()))

    tasks = [processor.call(deep, 3) for _ in range(6)] + [processor.submit(deep, 3) for _ in range(6)]

    assert len({task.result(60) for task in tasks}) == 1


# --- the end ----------------------------------------------------------------------------------------------


class Opening(Figures):
    """Opens a gate when what waited in the background has been given back."""

    def __init__(self, gate: threading.Event) -> None:
        super().__init__()
        self._gate = gate

    def queue_is(self, queue: str, waiting: int, running: int) -> None:
        super().queue_is(queue, waiting, running)
        if queue == "background" and self.most[queue][0] == 2 and not waiting:
            self._gate.set()


def test_draining_finishes_for_requests_and_gives_the_background_back(gate: threading.Event) -> None:
    # Given one that runs and two that wait in each queue
    processor, begun = AsyncProcessor(1, Bound(1, 5), figures=Opening(gate)), list[str]()

    def work(what: str) -> Any:
        begun.append(what)
        assert gate.wait(60)
        return what

    immediate = [processor.call(work, "request") for _ in range(3)]
    background = [processor.submit(work, "background") for _ in range(3)]
    until(lambda: sorted(begun) == ["background", "request"])

    report = processor.drain(60)

    assert report == DrainReport(finished=4, given_back=2, running=0)
    assert [task.result(0) for task in immediate] == ["request"] * 3
    assert background[0].result(0) == "background"
    for task in background[1:]:
        with pytest.raises(CancelledError):
            task.result(0)


def test_draining_tells_how_many_are_still_at_work_and_takes_no_more(gate: threading.Event) -> None:
    processor = AsyncProcessor(1, Bound(1, 1))
    processor.try_submit(gate.wait, 60)
    processor.call(gate.wait, 60)
    waits = processor.call(int, "7")

    report = processor.drain(0.05)

    assert report == DrainReport(finished=0, given_back=1, running=2)
    assert waits.cancelled()
    assert not processor.try_submit(int)
    with pytest.raises(ServerIsBusy):
        processor.call(int)
    assert processor.parallel({"a": int}, 1) == {"a": 0}  # requests that are still served
