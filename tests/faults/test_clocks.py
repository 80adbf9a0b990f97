"""Clocks that are wrong by ten minutes, starts at a later time, an hour that is there twice or not at all.

MongoDB's clock decides, so nothing of this moves a lease, an order or a start.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from integrations.threads_engine import ThreadsEngine
from main import Runtime
from services.jobs.repository import JobRepository
from services.ports import Done, Queue
from startup_scripts.child import Child
from tests.faults.provider import TroubledProvider
from tests.faults.workers import SHORT, Workers, kill, many_messages, until_completed, until_ready
from tests.waiting import pause, until
from utils.async_processor import AsyncProcessor
from utils.clock import SystemClock

pytestmark = [pytest.mark.xdist_group("product"), pytest.mark.timeout(600)]

QUIET: Final = {"email": 0.0, "sms": 0.0}
LIBRARY: Final = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
SKEW: Final = timedelta(minutes=10)
PROCESSES: Final = 2  # of each worker
LATEST: Final = 120.0  # seconds after its time at which a start has begun, on a machine that does much else
PATIENCE: Final = 150.0  # on a machine that does much else the provider's answers come late, and are repeated
SLOW: Final = timedelta(minutes=3)  # what a machine that does much else may take; a clock is off by ten


@pytest.fixture
def provider() -> Iterator[TroubledProvider]:
    provider = TroubledProvider(3, QUIET, latency=0.05)
    with provider.brevo:
        yield provider


@pytest.fixture
def workers(runtime: Runtime, folder: Path, provider: TroubledProvider) -> Iterator[Workers]:
    pause(runtime)
    workers = Workers(runtime, folder, provider.environment | {"JOB_ENGINE": "threads"})
    yield workers
    workers.stop()
    runtime.engine.resume()


@pytest.fixture
def order(runtime: Runtime) -> Any:
    """Order messages as a web process does that runs no job."""
    jobs, store = JobRepository(runtime.store), runtime.store
    engine = ThreadsEngine(jobs, store, AsyncProcessor(1), SystemClock(), 30.0)
    return lambda people, size, start_at=None: many_messages(runtime, engine, people, size, start_at)


def started(workers: Workers, db: Any, *clocks: str) -> Sequence[Child]:
    """Start a worker with each of these clocks."""
    shared = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(Path(__file__).with_name("faketime")),
    }
    workers.processes = PROCESSES
    made = [workers.start(FAKETIME=clock, **shared) for clock in clocks]
    until_ready(db, *made, processes=PROCESSES)
    return made


def now(db: Any) -> datetime:
    """Return the time by MongoDB's clock."""
    return db.command("hello")["localTime"].replace(tzinfo=UTC)  # type: ignore[no-any-return]


def skews(db: Any, action: str) -> list[timedelta]:
    """Return by how much the clocks were wrong of those who wrote such lines into the audit log."""
    return [row["at"] - now(db) for row in db["audit"].find({"campus_id": "c1", "action": action})]


@pytest.mark.slow
@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed: apt-get install libfaketime")
def test_workers_whose_clocks_are_ten_minutes_off_start_in_time_once_and_keep_their_leases(
    workers: Workers, order: Any, db: Any, provider: TroubledProvider
) -> None:
    fast, slow = started(workers, db, "+10m", "-10m")

    # Given one job for now and one for later
    start = now(db) + timedelta(seconds=8)
    later, job = order(40, 2, start), order(120, 2)
    leases: list[timedelta] = []

    def looked() -> bool:
        at, rows = now(db), list(db["engine_jobs"].find({"state": "running"}))
        leases.extend(row["lease_until"] - at for row in rows)
        return len(provider.sent()) >= 60

    # When those whose clock is fast die in the middle
    until(looked, "half of the messages", PATIENCE, seen=lambda: len(provider.sent()))
    kill(fast)
    until_completed(db, job)
    until_completed(db, later)

    # Then everybody got each message once, and nothing of the later job before its time or late
    assert Counter(effect.to for effect in provider.sent()) == Counter(
        [f"p{number}@example.com" for number in range(120)]
        + [f"later{number}@example.com" for number in range(40)]
    )
    of_later = {row["_id"] for row in db["deliveries"].find({"job_id": later.id})}
    calls = [effect.at for effect in provider.brevo.effects() if effect.delivery_id in of_later]
    assert start.timestamp() <= min(calls) <= start.timestamp() + LATEST
    # and one of four processes has started it
    (skew,) = skews(db, "batch_job.started")[1:]
    assert abs(abs(skew) - SKEW) < SLOW

    # and leases were leases by MongoDB's clock
    longest = timedelta(seconds=float(SHORT["LEASE_SECONDS"]))
    assert leases
    assert all(-SLOW < left <= longest + SLOW for left in leases), (min(leases), max(leases))
    assert slow.code is None


@pytest.mark.slow
def test_a_start_that_nobody_was_there_for_is_made_up_for_at_once_and_once(
    workers: Workers, order: Any, db: Any, provider: TroubledProvider
) -> None:
    start = now(db) + timedelta(seconds=1)
    job = order(30, 5, start)
    until(lambda: now(db) > start + timedelta(seconds=1))
    assert provider.sent() == []

    until_ready(db, workers.start(), workers.start())

    until_completed(db, job)
    assert Counter(effect.to for effect in provider.sent()) == Counter(
        f"later{number}@example.com" for number in range(30)
    )
    assert len(skews(db, "batch_job.started")) == 1


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_a_start_is_an_instant_whatever_the_clocks_of_its_place_do(
    zone: str, runtime: Runtime, db: Any
) -> None:
    engine = ThreadsEngine(
        JobRepository(runtime.store), runtime.store, AsyncProcessor(1), SystemClock(), 30.0
    )
    engine.handle("work", lambda lease: Done(), lambda args, reason: None)
    changes = change_of_clocks(ZoneInfo(zone))
    assert len(changes) == 2

    for change in changes:
        for minutes in (-90, -30, 0, 30, 90):
            instant = change + timedelta(minutes=minutes)
            key = f"{zone} {instant}"
            engine.submit(
                "work", {}, queue=Queue.MESSAGES, key=key, run_at=instant.astimezone(ZoneInfo(zone))
            )
            assert db["engine_jobs"].find_one({"_id": key})["run_at"] == instant


def change_of_clocks(zone: ZoneInfo) -> list[datetime]:
    """Return the instants of the coming year at which the clocks of a place are changed."""
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [first + timedelta(hours=hour) for hour in range(366 * 24)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    return [hours[n] for n in range(1, len(hours)) if offsets[n] != offsets[n - 1]][:2]
