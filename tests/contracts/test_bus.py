"""What every bus between processes promises; and what the one over Redis does when Redis fails."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from integrations import redis_bus
from integrations.memory import MemoryBus
from integrations.redis_bus import RedisBus
from integrations.redis_live import PATIENCE
from services.ports import Bus
from tests.own_redis import OwnRedis
from tests.waiting import seconds_until, until
from utils.clock import SystemClock
from utils.supervisor import Supervisor

Heard = list[Any]
MANY = 100
MANY_WAITS = MANY * PATIENCE  # seconds, were each of so many messages to wait for Redis


@pytest.fixture(scope="module")
def redis() -> Iterator[OwnRedis]:
    with OwnRedis() as redis:
        yield redis


def redis_bus_of_a_process(url: str, stack: ExitStack) -> RedisBus:
    bus, supervisor = RedisBus(url, SystemClock()), Supervisor(SystemClock())
    bus.install(supervisor)
    supervisor.start()
    stack.callback(supervisor.stop)
    until(lambda: bus.status()["hears"])
    return bus


@pytest.fixture
def pair(redis: OwnRedis) -> Iterator[tuple[RedisBus, RedisBus]]:
    """The buses of two processes."""
    with ExitStack() as stack:
        yield redis_bus_of_a_process(redis.url, stack), redis_bus_of_a_process(redis.url, stack)


@pytest.fixture(params=["memory", "redis"])
def ends(request: pytest.FixtureRequest) -> tuple[Bus, Bus]:
    """Two ends of one bus: the same object, or two processes'."""
    if request.param == "memory":
        bus = MemoryBus()
        return bus, bus
    here, there = request.getfixturevalue("pair")
    return here, there


def heard_by(bus: Bus, topic: str) -> Heard:
    heard: Heard = []
    bus.subscribe(topic, heard.append)
    return heard


def fails(payload: Any) -> None:
    raise ValueError("by nature")


def test_whoever_subscribed_hears_in_every_process_each_message_once(ends: tuple[Bus, Bus]) -> None:
    here, there = ends
    mine, theirs, other = heard_by(here, "a"), heard_by(there, "a"), heard_by(there, "b")

    here.publish("a", {"n": 1, "text": "ä"})
    here.publish("a", {"n": 2})

    until(lambda: len(theirs) == 2)
    time.sleep(0.05)
    assert mine == theirs == [{"n": 1, "text": "ä"}, {"n": 2}]
    assert other == []


def test_whoever_publishes_has_heard_it_when_publish_returns(ends: tuple[Bus, Bus]) -> None:
    mine = heard_by(ends[0], "a")

    ends[0].publish("a", {})

    assert mine == [{}]


def test_whoever_fails_to_hear_stops_nobody(ends: tuple[Bus, Bus], caplog: pytest.LogCaptureFixture) -> None:
    here, there = ends
    there.subscribe("a", fails)
    theirs = heard_by(there, "a")

    here.publish("a", {})
    here.publish("a", {})

    until(lambda: len(theirs) == 2)
    assert "whoever hears a failed" in caplog.text


def test_it_hears_within_a_moment(pair: tuple[RedisBus, RedisBus]) -> None:
    here, there = pair
    theirs = heard_by(there, "a")
    took = []

    for _ in range(20):
        theirs.clear()
        here.publish("a", {})
        took.append(seconds_until(lambda: theirs))

    assert sorted(took)[10] < 0.3


def test_a_killed_redis_makes_deaf_and_its_return_is_noticed_within_half_a_second(
    pair: tuple[RedisBus, RedisBus], redis: OwnRedis
) -> None:
    here, there = pair
    mine, theirs, gaps = heard_by(here, "a"), heard_by(there, "a"), []
    there.on_gap(lambda: gaps.append(1))

    redis.kill()
    until(lambda: not there.status()["hears"])
    begun = time.monotonic()
    for n in range(MANY):
        here.publish("a", {"n": n})
    took = time.monotonic() - begun
    redis.return_()
    back = seconds_until(lambda: gaps and here.status()["hears"])
    here.publish("a", {"n": "after"})

    until(lambda: {"n": "after"} in theirs)
    assert took < MANY_WAITS / 2
    assert back < 1.0
    assert len(mine) == MANY + 1


def test_a_redis_that_stands_still_makes_deaf_and_costs_nobody_who_publishes(
    pair: tuple[RedisBus, RedisBus], redis: OwnRedis
) -> None:
    here, there = pair
    gaps: list[int] = []
    there.on_gap(lambda: gaps.append(1))

    redis.stand_still()
    begun = time.monotonic()
    for _ in range(MANY):
        here.publish("a", {})
    took = time.monotonic() - begun
    until(lambda: not there.status()["hears"])
    redis.go_on()

    assert took < MANY_WAITS / 2
    assert seconds_until(lambda: gaps and there.status()["hears"]) < 1.0


def test_when_a_sender_has_lost_messages_the_others_hear_of_a_gap(
    redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_bus, "MOST_WAITING", 2)
    with ExitStack() as stack:
        there = redis_bus_of_a_process(redis.url, stack)
        gaps: list[int] = []
        there.on_gap(lambda: gaps.append(1))
        here = RedisBus(redis.url, SystemClock())

        for _ in range(3):
            here.publish("a", {})
        here.send()

        until(lambda: gaps)
        assert here.status()["lost"] == 1


def test_a_stranger_on_the_channel_is_ignored(pair: tuple[RedisBus, RedisBus]) -> None:
    here, there = pair
    theirs = heard_by(there, "a")

    for said in ("", "{", "7", '["x"]', "[1, 2, 3]", '[1, "a", []]'):
        here._client.publish(redis_bus.CHANNEL, said)
    here.publish("a", {})

    until(lambda: theirs == [{}])
