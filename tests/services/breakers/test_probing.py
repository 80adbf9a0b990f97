"""The background asks whether a service is back, less and less often, and waits for no answer."""

import threading
import time
from datetime import UTC, datetime

import pytest

from services.breakers.probing import BreakerProbing
from utils.async_processor import AsyncProcessor
from utils.resilient_services import Breaker, Breakers, BreakerState


class StoppedClock:
    """Time that moves only when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


class Probed:
    """A breaker that is open, and the service behind it as the background sees it."""

    def __init__(self, workers: int = 2) -> None:
        self.clock = StoppedClock()
        self.breakers = Breakers(self.clock)
        self.breaker: Breaker = self.breakers.take("s3")
        self.breakers.probe("s3", self.check)
        self.asked, self.answers, self.hangs = 0, False, threading.Event()
        self.hangs.set()
        self.processor = AsyncProcessor(workers)
        self.probing = BreakerProbing(self.breakers, self.processor, self.clock)
        self.break_it()

    def break_it(self) -> None:
        for _ in range(5):
            self.breaker.failed("away")

    def check(self) -> None:
        self.asked += 1
        self.hangs.wait(60)
        if self.answers:
            self.breaker.try_now()

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.seconds += 1
            self.probing.tick()
            while self.hangs.is_set() and self.processor.running:
                time.sleep(0.001)


@pytest.fixture
def probed() -> Probed:
    return Probed()


def test_a_service_that_answers_ends_the_wait_early(probed: Probed) -> None:
    probed.answers = True
    assert not probed.breaker.allow()

    probed.pass_time(7)

    assert probed.asked == 1
    assert probed.breaker.allow()


def test_it_is_asked_less_and_less_often(probed: Probed) -> None:
    asked = []
    for _ in range(10):
        probed.pass_time(60)
        asked.append(probed.asked)

    assert 3 <= asked[0] <= 6
    assert asked[-1] <= 10


def test_one_that_answers_and_yet_fails_costs_few_real_calls(probed: Probed) -> None:
    # Given a service that answers questions and fails at everything else
    probed.answers, calls = True, 0

    # When ten minutes pass in which somebody always wants to call it
    for _ in range(600):
        probed.pass_time(1)
        if probed.breaker.allow():
            calls += 1
            probed.breaker.failed("answered 500")

    # Then it is called more often than every five minutes, but not every five seconds
    assert 2 <= calls <= 10


def test_a_closed_breaker_is_left_alone_and_the_next_trouble_begins_anew(probed: Probed) -> None:
    probed.pass_time(200)
    probed.breaker.reset()
    asked = probed.asked

    probed.pass_time(100)
    assert probed.asked == asked

    probed.break_it()
    probed.pass_time(7)
    assert probed.asked == asked + 1


def test_a_question_that_hangs_is_not_asked_again_meanwhile(probed: Probed) -> None:
    probed.hangs.clear()

    probed.pass_time(120)

    assert probed.asked == 1
    probed.hangs.set()


def test_no_question_is_asked_while_the_background_is_full() -> None:
    probed, gate = Probed(workers=1), threading.Event()
    for _ in range(1001):
        probed.processor.submit(gate.wait, 60)
    probed.hangs.clear()  # so that no time is lost on waiting here

    probed.pass_time(20)

    assert probed.asked == 0
    gate.set()
    probed.hangs.set()
    probed.processor.drain(5)
    assert probed.breaker.state is BreakerState.OPEN
