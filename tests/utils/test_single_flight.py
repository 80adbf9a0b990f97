from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tests.waiting import until
from utils.single_flight import Flights


class Slow:
    """A call that lasts until it is let go, and counts how often it was made."""

    def __init__(self, error: Exception | None = None) -> None:
        self.go, self.made, self._error = Event(), 0, error

    def __call__(self) -> int:
        self.made += 1
        assert self.go.wait(60)
        if self._error:
            raise self._error
        return self.made


def test_of_many_who_ask_at_once_one_makes_the_call() -> None:
    flights, call = Flights(), Slow()

    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(flights.make, "key", call) for _ in range(20)]
        until(lambda: flights.joined == 19)
        call.go.set()

    assert {each.result() for each in asked} == {1}


def test_different_keys_do_not_wait_for_each_other() -> None:
    flights, call = Flights(), Slow()

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(flights.make, "a", call)
        until(lambda: call.made)
        assert flights.make("b", lambda: 7) == 7
        call.go.set()

    assert asked.result() == 1


def test_an_error_is_everybodys_and_is_not_remembered() -> None:
    flights, call = Flights(), Slow(ValueError("no"))

    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(flights.make, "key", call) for _ in range(3)]
        until(lambda: flights.joined == 2)
        call.go.set()

    for each in asked:
        with pytest.raises(ValueError, match="no"):
            each.result()
    assert flights.make("key", lambda: 7) == 7


def test_a_time_out_of_the_call_itself_is_not_taken_for_ours() -> None:
    flights, call = Flights(), Slow(TimeoutError("the call's"))

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(flights.make, "key", call) for _ in range(2)]
        until(lambda: flights.joined == 1)
        call.go.set()

    assert [str(each.exception()) for each in asked] == ["the call's"] * 2
    assert call.made == 1


def test_whoever_has_something_meanwhile_does_not_wait() -> None:
    flights, call = Flights(), Slow()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(flights.make, "key", call)
        until(lambda: call.made)
        assert flights.make("key", call, lambda: -1) == -1
        call.go.set()


def test_who_has_waited_too_long_makes_the_call() -> None:
    flights, call = Flights(patience=0.01), Slow()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(flights.make, "key", call)
        until(lambda: call.made)
        assert flights.make("key", lambda: 7) == 7
        call.go.set()
