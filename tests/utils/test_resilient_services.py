import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from utils.resilient_services import PROBE_SECONDS, Breaker, RetryBudget, backoff, equal_jitter, jittered


class StoppedClock:
    """Time that moves only when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def breaker(clock: StoppedClock) -> Breaker:
    return Breaker("brevo:email", clock)


def break_it(breaker: Breaker, cause: str = "500") -> None:
    for _ in range(5):
        assert breaker.allow()
        breaker.failed(cause)


def test_it_stays_closed_until_five_failures_in_a_row(breaker: Breaker) -> None:
    # Given four failures, one success, and four failures again
    for _ in range(4):
        breaker.failed("500")
    breaker.succeeded()
    for _ in range(4):
        breaker.failed("500")

    # Then calls still go through, and the fifth in a row ends that
    assert breaker.allow()
    breaker.failed("timeout")
    assert not breaker.allow()


def test_an_open_breaker_says_why_and_when_it_will_try_again(breaker: Breaker, clock: StoppedClock) -> None:
    break_it(breaker, "read timeout")

    clock.seconds += 100

    assert not breaker.allow()
    assert breaker.retry_after() == 200
    assert breaker.status() == {
        "name": "brevo:email",
        "state": "open",
        "count": 5,
        "cause": "read timeout",
        "next_probe_seconds": 200.0,
    }


def test_one_probe_at_a_time_and_three_successes_close_it(breaker: Breaker, clock: StoppedClock) -> None:
    # Given an open breaker whose five minutes are over
    break_it(breaker)
    clock.seconds += 300

    # When three probes succeed, one after the other
    for _ in range(3):
        assert breaker.allow()
        assert not breaker.allow()  # while that probe is out
        assert 0 < breaker.retry_after() <= 1
        breaker.succeeded()

    # Then it is closed and has forgotten
    assert breaker.allow() and breaker.allow()
    assert breaker.status()["state"] == "closed"
    assert breaker.status()["cause"] == ""


def test_a_failed_probe_opens_it_for_the_whole_time_again(breaker: Breaker, clock: StoppedClock) -> None:
    break_it(breaker)
    clock.seconds += 300
    assert breaker.allow()
    breaker.succeeded()
    assert breaker.allow()

    breaker.failed("503")

    clock.seconds += 299
    assert not breaker.allow()
    clock.seconds += 1
    assert breaker.allow()


def test_a_probe_that_never_reports_does_not_block_for_ever(breaker: Breaker, clock: StoppedClock) -> None:
    break_it(breaker)
    clock.seconds += 300
    assert breaker.allow()

    clock.seconds += PROBE_SECONDS

    assert breaker.allow()


def test_late_reports_of_older_calls_do_not_move_an_open_breaker(
    breaker: Breaker, clock: StoppedClock
) -> None:
    break_it(breaker)
    clock.seconds += 200

    breaker.failed("500")
    breaker.succeeded()

    assert breaker.retry_after() == 100


def test_a_background_probe_brings_the_next_try_forward(breaker: Breaker) -> None:
    break_it(breaker)

    breaker.try_now()

    assert breaker.allow()
    assert not breaker.allow()


def test_a_closed_breaker_has_nothing_to_bring_forward(breaker: Breaker) -> None:
    breaker.try_now()

    assert breaker.status()["state"] == "closed"
    assert breaker.retry_after() == 0


def test_calls_run_side_by_side(breaker: Breaker) -> None:
    # Given ten calls of which none ends before all have begun
    together = threading.Barrier(10)

    def call() -> None:
        assert breaker.allow()
        together.wait(60)
        breaker.succeeded()

    # When ten threads make them, then all come to their end, because no lock is held during a call
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: call(), range(10)))


def test_many_threads_get_exactly_one_probe(breaker: Breaker, clock: StoppedClock) -> None:
    break_it(breaker)
    clock.seconds += 300
    gate = threading.Barrier(16)

    def ask() -> bool:
        gate.wait()
        return breaker.allow()

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(lambda _: ask(), range(16))) == 1


def test_backoff_doubles_up_to_its_cap_and_is_jittered_over_the_whole_range() -> None:
    assert [backoff(tries, random=lambda: 1.0) for tries in (1, 2, 3, 4, 5)] == [1, 2, 4, 8, 16]
    assert backoff(3, random=lambda: 0.0) == 0
    assert backoff(10_000, cap=60, random=lambda: 1.0) == 60
    assert backoff(0, base=0.5, random=lambda: 1.0) == 0.5
    assert 0 <= backoff(2) <= 2


def test_equal_jitter_keeps_at_least_half() -> None:
    assert equal_jitter(3, random=lambda: 0.0) == 2
    assert equal_jitter(3, random=lambda: 1.0) == 4
    assert 1 <= equal_jitter(2) <= 2


def test_a_tenth_of_all_calls_may_be_repeated(clock: StoppedClock) -> None:
    budget = RetryBudget(clock)
    assert sum(budget.spend() for _ in range(20)) == 10  # what it begins with

    for _ in range(51):
        budget.earn()

    assert sum(budget.spend() for _ in range(20)) == 5


def test_little_traffic_has_a_repeat_now_and_then(clock: StoppedClock) -> None:
    budget = RetryBudget(clock)
    while budget.spend():
        pass

    clock.seconds += 25

    assert [budget.spend() for _ in range(3)] == [True, True, False]


def test_a_budget_does_not_grow_without_end(clock: StoppedClock) -> None:
    budget = RetryBudget(clock)

    clock.seconds += 10_000
    for _ in range(10_000):
        budget.earn()

    assert sum(budget.spend() for _ in range(100)) == 10


def test_who_comes_back_does_not_come_with_all_others() -> None:
    assert jittered(15, random=lambda: 0.0) == 15
    assert jittered(15, random=lambda: 1.0) == 30
