"""What the cache promises: in one process, and in several on one MongoDB and a Redis that comes and goes."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Thread, current_thread
from typing import Any

import pytest
from redis import Redis

from main import Runtime
from tests.own_redis import OwnRedis
from tests.services.freshness.machines import Fact, Machine
from tests.waiting import seconds_until
from utils import ultra_scalable_cache
from utils.ultra_scalable_cache import shared_key

Machines = Callable[[], Machine]


@pytest.fixture(scope="module")
def redis() -> Iterator[OwnRedis]:
    with OwnRedis() as redis:
        yield redis


@pytest.fixture
def fact(runtime: Runtime, looking: Any) -> Fact:
    return Fact(runtime.store, looking)


@pytest.fixture
def machines(runtime: Runtime, redis: OwnRedis) -> Iterator[Machines]:
    """Call it for one more process on the same MongoDB and Redis."""
    with ExitStack() as stack:
        yield lambda: Machine(runtime.store, redis.url, stack)


@pytest.fixture(params=["memory", "memory over redis"])
def machine(request: pytest.FixtureRequest, runtime: Runtime) -> Iterator[Machine]:
    with ExitStack() as stack:
        url = request.getfixturevalue("redis").url if "redis" in request.param else None
        yield Machine(runtime.store, url, stack)


def seen(fact: Fact, machine: Machine, now: int) -> float:
    """Return how long it took a process to see what is true now."""
    return seconds_until(lambda: fact.seen_by(machine) == now, seen=lambda: fact.seen_by(machine))


def test_what_was_read_is_remembered_until_it_changes(machine: Machine, fact: Fact) -> None:
    assert [fact.seen_by(machine) for _ in range(3)] == [0, 0, 0]
    assert fact.loads == 1

    fact.change(machine)

    assert [fact.seen_by(machine) for _ in range(3)] == [1, 1, 1]
    assert fact.loads == 2


def test_a_change_of_another_tag_changes_nothing(machine: Machine, fact: Fact) -> None:
    fact.seen_by(machine)

    machine.cache.invalidate("facts:south")
    machine.cache.invalidate("fact")
    fact.seen_by(machine)

    assert fact.loads == 1


@pytest.mark.parametrize("pattern", ["facts:*", "*"])
def test_a_pattern_covers_every_tag_below_it(machine: Machine, fact: Fact, pattern: str) -> None:
    fact.seen_by(machine)

    machine.cache.invalidate_pattern(pattern)
    fact.seen_by(machine)

    assert fact.loads == 2


def test_what_is_not_there_is_remembered_until_it_is_made(machine: Machine) -> None:
    found: list[bytes | None] = [None, None, b"made"]

    def load() -> bytes | None:
        return found.pop(0)

    assert [machine.cache.read("nobody", ["facts:north"], load) for _ in range(3)] == [None] * 3
    machine.cache.invalidate("facts:north")
    assert [machine.cache.read("nobody", ["facts:north"], load) for _ in range(3)] == [None] * 3
    machine.cache.invalidate("facts:north")
    assert [machine.cache.read("nobody", ["facts:north"], load) for _ in range(3)] == [b"made"] * 3


def test_a_transaction_that_fails_changes_nothing(machine: Machine, fact: Fact, runtime: Runtime) -> None:
    fact.seen_by(machine)

    def work() -> None:
        machine.cache.invalidate("facts:north")
        raise ValueError("the rest failed")

    with pytest.raises(ValueError, match="the rest"):
        runtime.store.atomically(work)
    fact.seen_by(machine)

    assert fact.loads == 1


def test_what_a_transaction_reads_is_not_remembered(machine: Machine, fact: Fact, runtime: Runtime) -> None:
    for _ in range(2):
        runtime.store.atomically(lambda: fact.seen_by(machine))

    fact.seen_by(machine)

    assert fact.loads == 3


def test_of_many_who_miss_at_once_one_loads(machine: Machine, fact: Fact) -> None:
    loads: list[int] = []

    def load() -> bytes:
        loads.append(1)
        time.sleep(0.1)
        return b"v"

    with ThreadPoolExecutor(30) as pool:
        asked = [pool.submit(machine.cache.read, "slow", ["facts:north"], load) for _ in range(30)]

    assert {each.result() for each in asked} == {b"v"}
    assert len(loads) == 1


def test_an_error_of_the_loader_reaches_everybody_and_the_next_one_tries_again(machine: Machine) -> None:
    def fails() -> bytes:
        raise ConnectionError("no")

    with pytest.raises(ConnectionError):
        machine.cache.read("k", ["facts:north"], fails)

    assert machine.cache.read("k", ["facts:north"], lambda: b"v") == b"v"


# --- several processes --------------------------------------------------------------------------------------


def test_what_one_process_has_loaded_serves_the_others(machines: Machines, fact: Fact) -> None:
    here, there = machines().patient(), machines().patient()

    assert fact.seen_by(here) == fact.seen_by(there) == 0

    assert fact.loads == 1


def test_of_processes_that_miss_at_once_one_loads(machines: Machines) -> None:
    here, there, loads = machines().patient(), machines().patient(), list[int]()

    def load() -> bytes:
        loads.append(1)
        time.sleep(0.2)
        return b"v"

    with ThreadPoolExecutor(20) as pool:
        asked = [
            pool.submit(machine.cache.read, "slow", ["facts:north"], load)
            for machine in [here, there]
            for _ in range(10)
        ]

    assert {each.result() for each in asked} == {b"v"}
    assert len(loads) == 1


def test_when_whoever_loads_for_all_has_died_the_others_load(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ultra_scalable_cache, "WAIT_SECONDS", 60.0)  # were it not known that somebody died
    here, begun = machines(), time.monotonic()
    stamp = here.versions.of(["facts:north"])
    assert here.tier is not None
    here.tier.ask(shared_key("k", stamp), "somebody who has died", 0.3)

    assert here.cache.read("k", ["facts:north"], lambda: b"v") == b"v"
    assert time.monotonic() - begun < 30.0


def test_a_change_is_seen_by_every_process_within_a_moment(machines: Machines, fact: Fact) -> None:
    here, there = machines(), machines()

    took = []
    for _ in range(5):
        fact.seen_by(there)
        now = fact.change(here)
        assert fact.seen_by(here) == now
        took.append(seen(fact, there, now))

    assert sorted(took)[2] < 0.3


def test_without_redis_a_change_is_seen_by_every_process_within_a_second(
    runtime: Runtime, fact: Fact
) -> None:
    with ExitStack() as stack:
        here, there = (Machine(runtime.store, None, stack) for _ in range(2))  # each with a bus of its own
        for _ in range(3):
            fact.seen_by(there)
            now = fact.change(here)
            assert seen(fact, there, now) < 1.0


def test_a_process_that_dies_between_commit_and_telling_leaves_nobody_behind(
    machines: Machines, fact: Fact, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = machines(), machines()
    fact.seen_by(there)

    monkeypatch.setattr(type(runtime.store), "after_commit", lambda store, call: None)
    now = fact.change(here)

    assert seen(fact, there, now) < 1.0
    assert seen(fact, here, now) < 1.0


# --- a Redis that fails ----------------------------------------------------------------------------------


def test_while_redis_is_gone_every_answer_is_right_and_none_is_late(
    machines: Machines, fact: Fact, redis: OwnRedis
) -> None:
    here, there = machines(), machines()
    fact.seen_by(here)
    fact.seen_by(there)

    redis.kill()
    slowest = 0.0
    for _ in range(3):
        begun = time.monotonic()
        now = fact.change(here)
        assert fact.seen_by(here) == now
        slowest = max(slowest, time.monotonic() - begun)
        assert seen(fact, there, now) < 1.0
    redis.return_()
    back = seconds_until(lambda: here.shared == there.shared == "closed" and there.bus.status()["hears"])

    now = fact.change(here)
    assert seen(fact, there, now) < 1.0
    assert slowest < 5.0  # on a machine that does much else
    assert back < 4.0


def asks(machine: Machine) -> list[Thread]:
    """Return a list of who asks Redis from now on, once for each time."""
    asked, tier = list[Thread](), machine.tier
    assert tier is not None
    noted = tier._noted

    def noting(call: Callable[[], Any]) -> Any:
        asked.append(current_thread())
        return noted(call)

    tier._noted = noting  # type: ignore[method-assign]
    return asked


def test_a_redis_that_stands_still_delays_each_process_for_a_moment_only(
    machines: Machines, fact: Fact, redis: OwnRedis
) -> None:
    here, there = machines(), machines()
    fact.seen_by(here)
    fact.seen_by(there)

    redis.stand_still()
    now, asked = 0, asks(here)
    for _ in range(20):
        now = fact.change(here)
        assert fact.seen_by(here) == now
    assert seen(fact, there, now) < 1.0
    redis.go_on()

    assert asked.count(current_thread()) <= 4  # each costs a tenth of a second
    assert seconds_until(lambda: here.shared == "closed") < 4.0
    now = fact.change(there)
    assert seen(fact, here, now) < 1.0


def test_a_wiped_redis_changes_no_answer(machines: Machines, fact: Fact, redis: OwnRedis) -> None:
    here, there = machines(), machines()
    now = fact.change(here)
    fact.seen_by(here)

    redis.wipe()

    assert fact.seen_by(there) == fact.seen_by(here) == now
    now = fact.change(there)
    assert seen(fact, here, now) < 1.0


def test_what_an_old_redis_brings_back_is_never_served(
    machines: Machines, fact: Fact, redis: OwnRedis
) -> None:
    # Given all that Redis holds, kept aside
    here = machines()
    fact.seen_by(here)
    with Redis.from_url(redis.url) as client:
        kept = {key: client.dump(key) for key in client.keys("versant-cache:*")}
        assert kept

        # When the fact changes and Redis comes back with what it held before
        redis.wipe()
        now = fact.change(here)
        for key, dumped in kept.items():
            client.restore(key, 0, dumped)

    # Then a process that starts now sees what is true
    assert fact.seen_by(machines()) == now


@pytest.mark.parametrize("rubbish", [b"", b"?", b"\x80\x04K\x01."])
def test_rubbish_in_redis_does_no_harm(machines: Machines, redis: OwnRedis, rubbish: bytes) -> None:
    here, there = machines(), machines()
    here.cache.read("k", ["facts:north"], lambda: b"v")
    with Redis.from_url(redis.url) as client:
        for key in client.keys("versant-cache:*"):
            client.set(key, rubbish)

    assert there.cache.read("k", ["facts:north"], lambda: b"v") == b"v"
