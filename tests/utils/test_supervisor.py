"""Loops that may not die."""

import threading

import pytest

from tests.waiting import until
from utils.clock import SystemClock
from utils.supervisor import Supervisor


@pytest.mark.expects_errors
def test_a_loop_goes_on_after_its_tick_raised() -> None:
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(len(ticks))
        if len(ticks) < 3:
            raise ConnectionError("the database is away")

    supervisor = Supervisor(SystemClock())
    supervisor.add("brittle", 0.01, tick)

    supervisor.start()

    until(lambda: len(ticks) > 5)
    assert [loop.failures for loop in supervisor.health() if loop.name == "brittle"] == [0]
    supervisor.stop()


@pytest.mark.expects_errors
def test_a_loop_that_may_not_be_late_is_called_again_soon_after_each_failure() -> None:
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(len(ticks))
        if len(ticks) < 5:
            raise ConnectionError("the database is away")

    supervisor = Supervisor(SystemClock())
    supervisor.add("urgent", 60.0, tick, again=0.01)

    supervisor.start()

    until(lambda: len(ticks) == 5)
    supervisor.stop()


@pytest.mark.expects_errors
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # it dies on purpose
def test_a_loop_whose_thread_died_is_started_again() -> None:
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 1:
            raise SystemExit  # leaves the thread, as a defect in a library might

    supervisor = Supervisor(SystemClock())
    supervisor.add("mortal", 0.01, tick)

    supervisor.start()

    until(lambda: len(ticks) > 3)
    supervisor.stop()


def test_a_woken_loop_does_not_wait_for_its_interval() -> None:
    ticked = threading.Event()
    supervisor = Supervisor(SystemClock())
    loop = supervisor.add("sleeper", 60.0, ticked.set)
    supervisor.start()
    assert ticked.wait(30)
    ticked.clear()

    loop.wake()

    assert ticked.wait(30)
    supervisor.stop()


def test_stopping_ends_every_thread() -> None:
    before = threading.enumerate()
    supervisor = Supervisor(SystemClock())
    for number in range(5):
        supervisor.add(f"loop-{number}", 60.0, lambda: None)
    supervisor.start()

    supervisor.stop()

    assert [each.name for each in set(threading.enumerate()).difference(before) if "loop" in each.name] == []
