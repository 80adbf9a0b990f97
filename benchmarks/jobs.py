"""R5: what a job engine costs for each sub-batch of 100 recipients, beside Dramatiq alone.

``python -m benchmarks.jobs [--jobs N] [--runs N]`` starts MongoDB and Redis on a folder of its own and writes
``benchmarks/results/jobs.json``. Every job does nothing, so what is measured is storing, ringing, claiming,
running and finishing: wall time from the first job stored to the last one finished, divided by their number.
One process with eight seats each; jobs of four batch jobs of two campuses, stored 50 at a time, as they come.
``one at a time`` stores a job, waits for its end, stores the next: the time until a job has begun and ended.
"""

import argparse
import json
import platform
import shutil
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import dramatiq
import psutil
from dramatiq.brokers.redis import RedisBroker
from pymongo import MongoClient

from integrations.dramatiq_engine import Bells, DramatiqEngine
from integrations.threads_engine import ThreadsEngine
from services.jobs.documents import INDEXES, JOBS
from services.jobs.engine import DurableEngine
from services.jobs.repository import JobRepository
from services.ports import Done, JobResult, Lease, Queue
from startup_scripts.embedded_services import EmbeddedServices
from tests.servers import ROOT
from utils.async_processor import AsyncProcessor
from utils.batch_processor import chunked
from utils.clock import SystemClock
from utils.resilient_services import Breaker
from utils.store import Store
from utils.supervisor import Supervisor

RESULT: Final = ROOT / "benchmarks" / "results" / "jobs.json"
SEATS: Final = 8
AT_ONCE: Final = 50
SINGLE: Final = 30
TURNS: Final = ("a/1", "a/2", "b/1", "b/2")
LEASE_SECONDS: Final = 30.0
WARM: Final = 50

Put = Callable[[list[str]], None]


class Counted:
    """Counts what ended, and wakes whoever waits for a number of them."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._changed = threading.Condition()

    def note(self, key: str) -> None:
        """Note the end of a job; a second one counts as nothing."""
        with self._changed:
            self._seen.add(key)
            self._changed.notify_all()

    def wait(self, keys: list[str]) -> None:
        """Return when all these have ended."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._seen.issuperset(keys), 120):
                raise SystemExit("the jobs did not end")


@contextmanager
def bare_dramatiq(services: EmbeddedServices) -> Iterator[tuple[Put, Counted]]:
    """Dramatiq with its own defaults: the job is the message, Redis is all there is."""
    counted = Counted()
    broker = RedisBroker(url=services.redis_url, namespace=uuid.uuid4().hex)  # type: ignore[no-untyped-call]
    actor: dramatiq.Actor[[str], None] = dramatiq.Actor(
        counted.note, broker=broker, actor_name="bare", queue_name="bare", priority=0, options={}
    )
    worker = dramatiq.Worker(broker, worker_threads=SEATS)
    worker.start()

    def put(keys: list[str]) -> None:
        for key in keys:
            actor.send(key)

    try:
        yield put, counted
    finally:
        worker.stop()


@contextmanager
def engine(services: EmbeddedServices, kind: str) -> Iterator[tuple[Put, Counted]]:
    """One of our engines, with its loops, on a database of its own."""
    client: MongoClient[dict[str, Any]] = MongoClient(
        services.mongodb_uri.replace("/versant?", f"/bench_{uuid.uuid4().hex[:8]}?"),
        tz_aware=True,
        w="majority",
    )
    store, clock, counted = Store(client), SystemClock(), Counted()
    client.get_default_database()[JOBS].create_indexes(INDEXES[JOBS])
    made = _made(kind, store, clock, services.redis_url or "")

    def run(lease: Lease) -> JobResult:
        counted.note(lease.job_id)
        return Done()

    made.handle("work", run, _nothing)
    supervisor = Supervisor(clock)
    made.install(supervisor, {Queue.EMAIL: SEATS})
    supervisor.start()
    try:
        yield lambda keys: _submit(made, keys), counted
    finally:
        made.drain(10)
        supervisor.stop()
        client.drop_database(client.get_default_database().name)
        client.close()


def _nothing(_args: Mapping[str, Any], _reason: str) -> None:
    """Give a job up without a word."""


def _made(kind: str, store: Store, clock: SystemClock, redis_url: str) -> DurableEngine:
    jobs, processor = JobRepository(store), AsyncProcessor(2 * SEATS)
    if kind == "threads":
        return ThreadsEngine(jobs, store, processor, clock, LEASE_SECONDS)
    bells = Bells(redis_url, f"bench:{store.name}", Breaker("bells", clock))
    return DramatiqEngine(jobs, store, processor, clock, LEASE_SECONDS, bells)


def _submit(made: DurableEngine, keys: list[str]) -> None:
    fair = TURNS[hash(keys[0]) % len(TURNS)]
    many: list[tuple[str, Mapping[str, Any]]] = [(key, {"sub_batch_id": key}) for key in keys]
    made.submit_many("work", many, queue=Queue.EMAIL, fair=fair, group=fair)


def measure(put: Put, counted: Counted, jobs: int) -> dict[str, float]:
    """Return milliseconds for each job of many, and of jobs one at a time."""
    _all(put, counted, WARM)
    begun = time.perf_counter()
    _all(put, counted, jobs)
    many = (time.perf_counter() - begun) / jobs
    single = []
    for _ in range(SINGLE):
        begun = time.perf_counter()
        _all(put, counted, 1)
        single.append(time.perf_counter() - begun)
    return {"ms_a_job": round(many * 1000, 2), "one_at_a_time_ms": round(statistics.median(single) * 1000, 2)}


def _all(put: Put, counted: Counted, jobs: int) -> None:
    keys = [uuid.uuid4().hex for _ in range(jobs)]
    for some in chunked(keys, AT_ONCE):
        put(list(some))
    counted.wait(keys)


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="versant-bench-"))
    runs: dict[str, list[dict[str, float]]] = {"bare_dramatiq": [], "threads": [], "dramatiq": []}
    try:
        with EmbeddedServices(folder) as services:
            for _ in range(asked.runs):
                for name, figures in runs.items():
                    with (
                        bare_dramatiq(services) if name == "bare_dramatiq" else engine(services, name) as made
                    ):
                        figures.append(measure(*made, asked.jobs))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result = {name: _median(figures) | {"runs": figures} for name, figures in runs.items()}
    machine = {"cores": psutil.cpu_count(), "python": platform.python_version(), "jobs": asked.jobs}
    text = json.dumps({**result, "machine": machine}, indent=2)
    RESULT.write_text(text + "\n")
    print(text)


def _median(figures: list[dict[str, float]]) -> dict[str, Any]:
    return {name: statistics.median(run[name] for run in figures) for name in figures[0]}


if __name__ == "__main__":
    main()
