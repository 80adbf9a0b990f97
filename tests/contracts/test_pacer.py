"""What every Pacer promises, over Redis's scripts and over MongoDB's documents; nothing here is mocked."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from redis import Redis

from integrations.redis_pacer import RedisPacer
from services.batch_jobs.pace_repository import MongoPacer
from services.batch_jobs.pacing import CLIMB_SECONDS, Pacer
from services.ports import Limit
from tests.own_redis import OwnRedis
from utils.clock import SystemClock

QUICK = (Limit("second", calls=12, seconds=1.0, burst=4),)  # one in 125 ms once the burst is spent
SLOW = (Limit("minute", calls=12, seconds=50.0, burst=4),)  # one in 6.25 s: a busy machine spends none of it
STALL = 10 / CLIMB_SECONDS  # what it climbs while a busy machine stands still
HOUR = (Limit("second", 1000, 1.0, 100), Limit("hour", 60, 3600.0, 3))


class Rig(ABC):
    """Several pacers of one kind, as several processes have them, and a way to let time pass."""

    key = "brevo:email:a"

    @abstractmethod
    def pacer(self) -> Pacer:
        """Return the pacer of another process."""

    @abstractmethod
    def later(self, seconds: float) -> None:
        """Make everything that is kept so much older."""


class MongoRig(Rig):
    def __init__(self, runtime: Any, looking: Any) -> None:
        self._store, self._looking = runtime.store, looking

    def pacer(self) -> Pacer:
        return MongoPacer(self._store)

    def later(self, seconds: float) -> None:
        row = self._looking["paces"].find_one({"_id": self.key})
        tat = {name: value - seconds * 1000 for name, value in row["tat"].items()}
        change = {"tat": tat, "frozen": row["frozen"] - seconds * 1000, "line": row["line"] - seconds * 1000}
        self._looking["paces"].update_one({"_id": self.key}, {"$set": change})


class RedisRig(MongoRig):
    def __init__(self, runtime: Any, looking: Any, url: str) -> None:
        super().__init__(runtime, looking)
        self.redis, self.url = patient(url), url

    def pacer(self, url: str = "") -> RedisPacer:
        return RedisPacer(patient(url or self.url), super().pacer(), SystemClock())

    def later(self, seconds: float) -> None:
        name = f"versant:pace:{self.key}"
        for field, value in self.redis.hgetall(name).items():
            if field != b"share":
                self.redis.hset(name, field, str(float(value) - seconds * 1e6))
        if self._looking["paces"].find_one({"_id": self.key}):
            super().later(seconds)


def patient(url: str) -> Redis:
    """Return a client that a busy machine does not make give Redis up."""
    client: Redis = Redis.from_url(url, socket_timeout=60.0, socket_connect_timeout=60.0)
    return client


@pytest.fixture(scope="module")
def redis() -> Iterator[OwnRedis]:
    with OwnRedis() as redis:
        yield redis


@pytest.fixture
def redis_url(redis: OwnRedis) -> str:
    redis.wipe()
    return redis.url


@pytest.fixture(params=["mongodb", "redis"])
def rig(request: pytest.FixtureRequest, runtime: Any, looking: Any, redis_url: str) -> Rig:
    return RedisRig(runtime, looking, redis_url) if request.param == "redis" else MongoRig(runtime, looking)


@pytest.fixture
def in_redis(runtime: Any, looking: Any, redis_url: str) -> RedisRig:
    return RedisRig(runtime, looking, redis_url)


def test_a_burst_goes_at_once_and_the_rest_is_told_when(rig: Rig) -> None:
    pacer = rig.pacer()

    first, second = pacer.take(rig.key, SLOW, 10), pacer.take(rig.key, SLOW, 1)

    assert (first.granted, second.granted) == (4, 0)
    assert 0.0 < second.wait <= 6.25


def test_however_many_ask_no_window_holds_more_than_the_limit(rig: Rig) -> None:
    began, granted = time.monotonic(), []

    def ask(pacer: Pacer) -> None:
        while time.monotonic() < began + 1.6:
            asked = time.monotonic()
            if pacer.take(rig.key, QUICK, 1).granted:
                granted.append((asked, time.monotonic()))
            time.sleep(0.005)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(ask, [rig.pacer() for _ in range(6)]))

    # What was asked and answered within a second of an answer was certainly granted in one window with it
    granted.sort()
    assert len(granted) > 4  # more than a burst
    for _, answered in granted:
        assert sum(answered <= asked and end <= answered + 1.0 for asked, end in granted) < 12


def test_the_slowest_of_several_limits_decides(rig: Rig) -> None:
    pacer = rig.pacer()

    grants = [pacer.take(rig.key, HOUR, 2) for _ in range(3)]

    assert [grant.granted for grant in grants] == [2, 1, 0]
    assert 55 < grants[2].wait <= 64


def test_what_has_waited_long_enough_may_burst_again(rig: Rig) -> None:
    pacer = rig.pacer()
    pacer.take(rig.key, SLOW, 4)

    rig.later(500)

    assert pacer.take(rig.key, SLOW, 10).granted == 4


def test_whoever_is_refused_comes_back_one_after_the_other(rig: Rig) -> None:
    pacer = rig.pacer()
    pacer.take(rig.key, HOUR, 3)

    waits = [pacer.take(rig.key, HOUR, 1).wait for _ in range(4)]

    steps = [later - earlier for earlier, later in pairwise(waits)]
    assert all(60 < step < 64 for step in steps)  # one call in 63 s


def test_accounts_and_channels_do_not_wait_for_each_other(rig: Rig) -> None:
    pacer = rig.pacer()
    pacer.take(rig.key, SLOW, 4)

    assert pacer.take("brevo:sms:a", SLOW, 4).granted == 4


def test_a_freeze_stops_every_process_and_then_half_goes_one_by_one(rig: Rig) -> None:
    here, there = rig.pacer(), rig.pacer()
    there.take(rig.key, SLOW, 1)

    here.freeze(rig.key, SLOW, 50.0)

    refused = there.take(rig.key, SLOW, 1)
    assert refused.granted == 0
    assert 30.0 < refused.wait <= 50.0
    assert there.pace(rig.key).share == pytest.approx(0.5)
    rig.later(50.05)
    assert there.take(rig.key, SLOW, 4).granted == 1  # no burst, which would be refused again


def test_what_is_counted_over_an_hour_is_not_lost_by_a_freeze_nor_gained(rig: Rig) -> None:
    pacer = rig.pacer()
    pacer.take(rig.key, HOUR, 1)

    for _ in range(6):
        pacer.freeze(rig.key, HOUR, 1.0)
        rig.later(1.05)

    granted = []
    for _ in range(3):
        granted.append(pacer.take(rig.key, HOUR, 1).granted)
        rig.later(0.1)
    assert granted == [1, 1, 0]


def test_nobody_waits_for_a_slow_limit_that_has_room_after_a_freeze(rig: Rig) -> None:
    pacer = rig.pacer()
    pacer.freeze(rig.key, HOUR, 40.0)

    waits = [pacer.take(rig.key, HOUR, 1).wait for _ in range(50)]

    assert max(waits) < 40.0 + 50 * 2 / 900 + 0.1


def test_several_refusals_of_one_moment_halve_once(rig: Rig) -> None:
    for pacer in (rig.pacer(), rig.pacer(), rig.pacer()):
        pacer.freeze(rig.key, SLOW, 40.0)

    assert rig.pacer().pace(rig.key).share == pytest.approx(0.5)


def test_it_climbs_again_and_falls_to_no_less_than_a_sixteenth(rig: Rig) -> None:
    pacer = rig.pacer()
    for _ in range(8):
        pacer.freeze(rig.key, SLOW, 1.0)
        rig.later(1.0)
    assert pacer.pace(rig.key).share == pytest.approx(1 / 16, abs=STALL)

    rig.later(CLIMB_SECONDS / 4)
    assert pacer.pace(rig.key).share == pytest.approx(1 / 16 + 1 / 4, abs=STALL)

    rig.later(CLIMB_SECONDS)
    assert pacer.pace(rig.key).share == 1.0
    assert pacer.take(rig.key, SLOW, 10).granted == 4


def test_a_wiped_redis_hears_of_the_freeze_again(in_redis: RedisRig) -> None:
    here, there = in_redis.pacer(), in_redis.pacer()
    here.take(in_redis.key, SLOW, 1)
    here.freeze(in_redis.key, SLOW, 50.0)

    in_redis.redis.flushdb()

    assert here.take(in_redis.key, SLOW, 1).granted == 0
    assert there.take(in_redis.key, SLOW, 1).granted == 0


def test_without_redis_the_database_counts_for_everybody(in_redis: RedisRig) -> None:
    nowhere = "redis://127.0.0.1:9/0"  # the discard port: nobody answers there
    lost, also_lost = in_redis.pacer(nowhere), in_redis.pacer(nowhere)

    grants = [pacer.take(in_redis.key, SLOW, 3).granted for pacer in (lost, also_lost, lost)]
    lost.freeze(in_redis.key, SLOW, 50.0)

    assert grants == [3, 1, 0]
    assert also_lost.take(in_redis.key, SLOW, 1).wait > 30.0
