import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Lock
from types import SimpleNamespace
from typing import Any

import pytest

from utils.together import COMPANY_SECONDS, Together

PATIENCE = 60.0


class Calls:
    """What is called: it holds the first call until it is told to go on, and notes who went along."""

    def __init__(self) -> None:
        self.made: list[list[int]] = []
        self.begun, self.go_on, self._lock = Event(), Event(), Lock()

    def __call__(self, items: Sequence[int]) -> Sequence[int]:
        with self._lock:
            self.made.append(list(items))
            first = len(self.made) == 1
        if first:
            self.begun.set()
            assert self.go_on.wait(PATIENCE)
        if 13 in items:
            raise ValueError(13)
        return [item * 2 for item in items]


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as made:
        yield made


def waits(together: Together[int, int], count: int) -> None:
    """Return once so many stand in line."""
    gone = Event()
    while len(together._waiting) < count:
        assert not gone.wait(0.005)


def lined_up(
    pool: ThreadPoolExecutor, calls: Calls, together: Together[int, int], items: Sequence[int]
) -> list["Future[int]"]:
    """Have each item asked for while the first call is being made."""
    futures = [pool.submit(together.make, items[0])]
    assert calls.begun.wait(PATIENCE)
    for count, item in enumerate(items[1:], 1):
        futures.append(pool.submit(together.make, item))
        waits(together, count)
    calls.go_on.set()
    return futures


def test_who_comes_meanwhile_goes_along_with_the_next(pool: ThreadPoolExecutor, calls: Calls) -> None:
    together = Together(calls)

    futures = lined_up(pool, calls, together, [1, 2, 3, 4])

    assert [one.result(PATIENCE) for one in futures] == [2, 4, 6, 8]
    assert calls.made == [[1], [2, 3, 4]]


def test_nobody_waits_for_company(calls: Calls) -> None:
    calls.go_on.set()
    together = Together(calls)

    assert [together.make(1), together.make(2)] == [2, 4]
    assert calls.made == [[1], [2]]


def test_a_call_takes_no_more_than_so_many(pool: ThreadPoolExecutor, calls: Calls) -> None:
    together = Together(calls, most=2)

    futures = lined_up(pool, calls, together, [1, 2, 3, 4])

    assert [one.result(PATIENCE) for one in futures] == [2, 4, 6, 8]
    assert calls.made == [[1], [2, 3], [4]]


def test_a_second_lane_does_not_wait_for_the_first(pool: ThreadPoolExecutor, calls: Calls) -> None:
    together = Together(calls, lanes=2)
    held = pool.submit(together.make, 1)
    assert calls.begun.wait(PATIENCE)

    assert together.make(2) == 4

    calls.go_on.set()
    assert held.result(PATIENCE) == 2


def test_what_is_wrong_with_one_is_nobody_elses(pool: ThreadPoolExecutor, calls: Calls) -> None:
    together = Together(calls)

    right, wrong, other = lined_up(pool, calls, together, [1, 13, 3])

    assert (right.result(PATIENCE), other.result(PATIENCE)) == (2, 6)
    with pytest.raises(ValueError, match="13"):
        wrong.result(PATIENCE)
    assert calls.made[:2] == [[1], [13, 3]]
    assert sorted(calls.made[2:]) == [[3], [13]]


def test_where_others_have_just_been_about_a_call_waits_for_more(
    pool: ThreadPoolExecutor, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    together, pauses = Together(calls), list[float]()
    monkeypatch.setattr("utils.together.time", SimpleNamespace(sleep=pauses.append, monotonic=time.monotonic))

    for future in lined_up(pool, calls, together, [1, 2, 3]):
        future.result(PATIENCE)
    assert pauses == []
    together.make(4)
    together.make(5)

    assert pauses == [COMPANY_SECONDS]


def test_a_lane_is_free_again_after_a_failure(calls: Calls) -> None:
    calls.go_on.set()
    together = Together(calls)
    with pytest.raises(ValueError, match="13"):
        together.make(13)

    assert together.make(1) == 2


def test_many_at_once_each_get_their_own(pool: ThreadPoolExecutor) -> None:
    def doubled(items: Sequence[Any]) -> Sequence[Any]:
        return [item * 2 for item in items]

    together: Together[int, int] = Together(doubled, lanes=2, most=5)
    ask: Callable[[int], int] = together.make

    assert list(pool.map(ask, range(2000))) == [number * 2 for number in range(2000)]
