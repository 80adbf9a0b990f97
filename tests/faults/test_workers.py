"""Worker processes on the engine over Dramatiq: one is killed, all are replaced while there is work."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integrations.dramatiq_engine import Bells, DramatiqEngine
from main import Runtime
from services.batch_jobs.documents import BatchJob
from services.jobs.repository import JobRepository
from tests import servers
from tests.faults.provider import TroubledProvider
from tests.faults.workers import Workers, kill, many_messages, rows_of, until_completed, until_ready
from tests.waiting import pause, until
from utils.async_processor import AsyncProcessor
from utils.clock import SystemClock
from utils.resilient_services import Breaker

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("product"), pytest.mark.timeout(600)]

QUIET = {"email": 0.0, "sms": 0.0}


@pytest.fixture
def provider() -> Iterator[TroubledProvider]:
    provider = TroubledProvider(7, QUIET, latency=0.15)
    with provider.brevo:
        yield provider


@pytest.fixture
def workers(runtime: Runtime, folder: Path, provider: TroubledProvider) -> Iterator[Workers]:
    """Workers beside the app of the test, which runs no job meanwhile."""
    pause(runtime)
    workers = Workers(runtime, folder, provider.environment)
    yield workers
    workers.stop()
    runtime.engine.resume()


@pytest.fixture
def order(runtime: Runtime) -> Any:
    """Order messages as a web process does that only rings."""
    clock = SystemClock()
    bells = Bells(servers.redis_server(), f"versant:{runtime.store.name}", Breaker("bells", clock))
    jobs, store = JobRepository(runtime.store), runtime.store
    engine = DramatiqEngine(jobs, store, AsyncProcessor(1), clock, 30.0, bells)
    return lambda people, size: many_messages(runtime, engine, people, size)


def until_over(db: Any, job: BatchJob) -> None:
    until_completed(db, job)
    until(lambda: not running(db))  # it ends within the work of its last sub-batch


def running(db: Any) -> int:
    return int(db["engine_jobs"].count_documents({"state": "running"}))


def expect_each_once(db: Any, provider: TroubledProvider, people: int) -> None:
    """Every person got one message, and everything says so."""
    sent = Counter(effect.to for effect in provider.sent())
    assert sent == Counter(f"p{number}@example.com" for number in range(people))
    assert {row["state"] for row in db["deliveries"].find()} == {"sent"}
    assert {row["state"] for row in db["engine_jobs"].find()} == {"completed"}


def test_what_one_of_three_workers_had_when_it_was_killed_is_done_by_the_others(
    workers: Workers, order: Any, db: Any, provider: TroubledProvider
) -> None:
    provider.brevo.plan.latency = 1.0  # there is work until one is killed, however slow this machine is
    three = [workers.start() for _ in range(3)]
    until_ready(db, *three)
    job = order(people=180, size=3)
    until(lambda: running(db) >= 17)  # more than two of them can have

    kill(three[0])
    provider.brevo.plan.latency = 0.0
    until_over(db, job)

    expect_each_once(db, provider, 180)
    assert max(row["fence"] for row in db["engine_jobs"].find()) > 1


def test_workers_that_are_replaced_one_by_one_lose_nothing_and_burn_no_attempt(
    workers: Workers, order: Any, db: Any, provider: TroubledProvider
) -> None:
    provider.brevo.plan.latency = 2.0  # there is work until all are replaced, however slow this machine is
    patient = {"LEASE_SECONDS": "30"}  # nobody loses a lease because this machine is slow
    old = [workers.start(**patient) for _ in range(2)]
    until_ready(db, *old)
    job = order(people=480, size=20)

    for each in old:
        new = workers.start(**patient)
        until_ready(db, new)
        until(lambda: running(db) >= 9)  # more than one of them can have
        each.stop(60.0)
        assert each.code == 0, each.tail()
        assert rows_of(db, each) == []
    assert db["batch_jobs"].find_one({"_id": job.id})["state"] == "running"
    provider.brevo.plan.latency = 0.0
    until_over(db, job)

    expect_each_once(db, provider, 480)
    assert provider.repeats == 0  # nobody was even asked for twice
    jobs = list(db["engine_jobs"].find())
    assert {row["attempt"] for row in jobs} == {1}
    assert max(row["fence"] for row in jobs) > 1  # some were given back and taken up again
