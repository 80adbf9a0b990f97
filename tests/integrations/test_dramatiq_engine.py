"""What is particular to the engine over Dramatiq: bells that are lost, doubled, or cannot be rung."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from redis import Redis

from main import Runtime
from services.jobs.documents import JobState
from services.ports import Done, JobResult, Lease, Queue
from startup_scripts.embedded_redis import EmbeddedRedis, find_redis
from startup_scripts.machine import this_machine
from startup_scripts.ports import free_port
from tests import servers
from tests.contracts.machines import Machine, namespace, noting, row
from tests.waiting import pause, seconds_until, until

Make = Callable[..., Machine]


@pytest.fixture
def machine(runtime: Runtime) -> Iterator[Make]:
    made: list[Machine] = []

    def make(*what: Any, **how: Any) -> Machine:
        made.append(Machine("dramatiq", runtime.store, *what, **how))
        return made[-1]

    pause(runtime)
    yield make
    for each in made:
        each.stop()
    runtime.engine.resume()


@pytest.fixture
def redis(runtime: Runtime) -> Iterator[Any]:
    """The Redis of the bells, none of them in it."""
    with Redis.from_url(servers.redis_server()) as client:
        lose_bells(client, runtime)
        yield client
        lose_bells(client, runtime)


def lose_bells(redis: Any, runtime: Runtime) -> None:
    for key in redis.scan_iter(f"{namespace(runtime.store)}:*"):
        redis.delete(key)


def submit(one: Machine, *keys: str) -> None:
    one.engine.submit_many("work", [(key, {"secret": "of the job"}) for key in keys], queue=Queue.MESSAGES)


def no_work(_: Lease) -> JobResult:
    return Done()


def test_a_message_carries_the_id_of_its_job_and_nothing_else(
    machine: Make, runtime: Runtime, redis: Any
) -> None:
    submit(machine(no_work, seats=0), "k1")

    (message,) = redis.hvals(f"{namespace(runtime.store)}:messages.msgs")
    bell = json.loads(message)
    assert (bell["args"], bell["kwargs"]) == (["k1"], {})
    assert set(bell["options"]) == {"redis_message_id"}
    assert "secret" not in message.decode()


def test_a_process_without_seats_rings_and_runs_nothing(machine: Make, looking: Any, redis: Any) -> None:
    seen: list[str] = []
    web = machine(noting(seen, "job_id"), seats=0).start()

    submit(web, "k1")
    time.sleep(0.7)

    assert seen == []
    assert row(looking, "k1")["state"] == JobState.AVAILABLE


def test_bells_that_are_lost_are_rung_again(
    machine: Make, looking: Any, redis: Any, runtime: Runtime
) -> None:
    seen: list[str] = []
    submit(machine(no_work, seats=0), *(f"k{n}" for n in range(30)))
    lose_bells(redis, runtime)

    machine(noting(seen, "job_id")).start()

    until(lambda: looking["engine_jobs"].count_documents({"state": "completed"}) == 30)
    assert len(seen) == 30


def test_bells_that_are_doubled_find_nothing_the_second_time(
    machine: Make, looking: Any, redis: Any, runtime: Runtime
) -> None:
    seen: list[str] = []
    web = machine(no_work, seats=0)
    submit(web, "k1", "k2")
    for _ in range(10):
        web.engine.announce(Queue.MESSAGES, ["k1", "k2", "never was"])

    machine(noting(seen, "job_id")).start()

    until(lambda: not redis.llen(f"{namespace(runtime.store)}:messages"))
    until(lambda: looking["engine_jobs"].count_documents({"state": "completed"}) == 2)
    assert sorted(seen) == ["k1", "k2"]


def test_without_redis_jobs_are_late_and_nobody_waits_for_it(machine: Make, looking: Any) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    seen: list[str] = []
    worker = machine(noting(seen, "job_id"), redis_url=nowhere).start()
    web = machine(no_work, seats=0, redis_url=nowhere)

    begun = time.monotonic()
    for n in range(20):
        submit(web, f"k{n}")
    assert time.monotonic() - begun < 15.0  # a second for each would be waiting

    until(lambda: looking["engine_jobs"].count_documents({"state": "completed"}) == 20)
    assert sorted(seen) == sorted(f"k{n}" for n in range(20))
    assert all(loop.well for loop in worker.supervisor.health())


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis that the test may kill; it keeps nothing."""
    program = find_redis(os.environ, this_machine())
    assert program is not None
    server = EmbeddedRedis(program, tmp_path, tmp_path / "redis.log")
    server.start(Event())
    yield server
    server.child.stop(5.0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
def test_redis_goes_away_and_comes_back_while_there_is_work(
    machine: Make, looking: Any, own_redis: EmbeddedRedis, number: int
) -> None:
    seen: list[str] = []

    def handler(lease: Lease) -> JobResult:
        time.sleep(0.02)
        seen.append(lease.job_id)
        return Done()

    def completed() -> int:
        return int(looking["engine_jobs"].count_documents({"state": "completed"}))

    # Given work that is under way
    machine(handler, redis_url=own_redis.url).start()
    web = machine(no_work, seats=0, redis_url=own_redis.url)
    submit(web, *(f"before {n}" for n in range(40)))
    until(lambda: seen)

    # When Redis is away
    os.kill(own_redis.child.pid, number)
    submit(web, *(f"while {n}" for n in range(40)))
    until(lambda: completed() == 80)

    # And back
    if number == signal.SIGKILL:
        own_redis.child.wait(60)
        own_redis.restart(Event())
    else:
        os.kill(own_redis.child.pid, signal.SIGCONT)
    submit(web, *(f"after {n}" for n in range(40)))
    took = seconds_until(lambda: completed() == 120, seen=completed)

    # Then nothing was lost, nothing was done twice, and nobody waited for long
    assert len(seen) == len(set(seen)) == 120
    assert took < 10.0


@pytest.mark.expects_errors
def test_threads_that_listen_are_started_again_when_one_has_died(
    machine: Make, looking: Any, redis: Any, caplog: Any
) -> None:
    seen: list[str] = []
    worker = machine(noting(seen, "job_id")).start()
    bells = worker.engine._bells  # type: ignore[attr-defined]
    until(lambda: bells._workers)
    dying = bells._workers[Queue.MESSAGES]
    dying.workers[0].stop()
    until(lambda: not dying.workers[0].is_alive())

    until(lambda: bells._workers[Queue.MESSAGES] is not dying)
    submit(machine(no_work, seats=0), "k1")

    until(lambda: seen == ["k1"])
    assert "had died" in caplog.text
