"""A large job does not hold up a small one. With real sub-batches, over a slow provider."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from integrations.threads_engine import ThreadsEngine
from main import Runtime
from services.batch_jobs.documents import BatchJobState
from services.batch_jobs.service import FINISH_JOB, SEND_JOB
from services.jobs.repository import JobRepository
from services.ports import Accepted, Channel, Queue, SendUnit
from tests.services.batch_jobs.test_sending import Bench
from tests.waiting import pause, until
from utils.async_processor import AsyncProcessor
from utils.clock import SystemClock
from utils.supervisor import Supervisor

SIZE, LARGE, SMALL = 2, 200, 4  # a sub-batch, and people: as 100, 10,000 and 200
CALL_SECONDS = 0.02
SEATS = 2


@pytest.fixture
def bench(runtime: Runtime) -> Iterator[Bench]:
    """A bench whose jobs are run by an engine of its own as soon as ``begin`` is called."""
    clock, supervisor = SystemClock(), Supervisor(SystemClock())
    engine = ThreadsEngine(JobRepository(runtime.store), runtime.store, AsyncProcessor(4), clock, 30.0)
    bench = Bench(runtime, engine, SIZE)
    engine.handle(SEND_JOB, bench.sending.run, bench.sending.dead)
    engine.handle(FINISH_JOB, bench.sending.finish, bench.sending.dead)
    engine.install(supervisor, {Queue.EMAIL: SEATS, Queue.MESSAGES: 1})
    bench.begin = supervisor.start  # type: ignore[attr-defined]
    pause(runtime)
    yield bench
    engine.drain(5)
    supervisor.stop()
    runtime.engine.resume()


def slowly(_: SendUnit) -> Accepted:
    time.sleep(CALL_SECONDS)
    return Accepted()


def completed(db: Any, job_id: str) -> bool:
    return bool(db["batch_jobs"].find_one({"_id": job_id})["state"] == BatchJobState.COMPLETED)


@pytest.mark.parametrize("campus_id", ["c1", "c2"], ids=["of the same campus", "of another campus"])
def test_a_small_job_that_comes_after_a_large_one_is_over_long_before_it(
    bench: Any, db: Any, campus_id: str
) -> None:
    bench.email.answers = [slowly] * LARGE
    large = bench.job(LARGE, Channel.EMAIL)
    small = bench.job(SMALL, Channel.EMAIL, campus_id=campus_id)

    bench.begin()
    until(lambda: completed(db, small.id), "the end of the small job")

    sent = db["deliveries"].count_documents({"job_id": large.id, "state": "sent"})
    assert sent < LARGE / 4
    until(lambda: completed(db, large.id), "the end of the large job")
