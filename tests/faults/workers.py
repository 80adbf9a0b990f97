"""Worker processes as an operator starts them, over the database of the test, and work for them."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psutil

from main import Runtime
from services.accounts.access_repository import LinkRepository
from services.accounts.documents import LinkPurpose
from services.accounts.links import OneTimeLinks
from services.accounts.repository import UserRepository
from services.batch_jobs.documents import BatchJob, JobType, Recipient
from services.batch_jobs.service import FINISH_JOB, SEND_JOB
from services.jobs.engine import DurableEngine
from services.ports import Channel, Done
from startup_scripts.child import Child
from tests import servers
from tests.services.batch_jobs.test_sending import Bench
from tests.waiting import until
from utils.clock import SystemClock

SCRIPT: Final = servers.ROOT / "startup_scripts" / "start_worker.py"
SHORT: Final = {"LEASE_SECONDS": "1", "LOG_LEVEL": "WARNING", "BCRYPT_ROUNDS": "4", "JOB_ENGINE": "dramatiq"}
PATIENT: Final = {"BREVO_TIMEOUT_SECONDS": "30"}  # nothing is in doubt here because this machine is slow


class Workers:
    """The workers of one test."""

    def __init__(self, runtime: Runtime, folder: Path, environment: Mapping[str, str]) -> None:
        self._runtime, self._folder = runtime, folder
        self._environment = servers.clean_environment() | SHORT | dict(environment) | PATIENT
        self._environment |= {
            "MONGODB_URI": runtime.settings.mongodb_uri,
            "REDIS_URL": servers.redis_server(),
        }
        self._started: list[Child] = []
        self.processes = 1  # of each that is started from now on

    def start(self, **environment: str) -> Child:
        """Start one; it takes a while until it is ready."""
        log = self._folder / f"worker-{len(self._started)}.log"
        folder = self._runtime.settings.data_dir
        command: list[str | Path] = [sys.executable, SCRIPT, "--port", "0", "--data-dir", folder]
        command += ["--processes", str(self.processes)]
        child = Child(command, log, env=self._environment | environment)
        child.start()
        self._started.append(child)
        return child

    def stop(self) -> None:
        """Stop those that are left, all at once."""
        for child in self._started:
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGTERM)
        for child in self._started:
            child.stop(20.0)


def rows_of(db: Any, worker: Child) -> list[Any]:
    """Return what the processes of a worker tell of themselves."""
    return [row for row in db["server_processes"].find({"_id": {"$gte": ""}}) if row["parent"] == worker.pid]


def until_ready(db: Any, *workers: Child, processes: int = 1) -> None:
    """Return when each process of each of them beats."""
    until(
        lambda: all(worker.code is not None or len(rows_of(db, worker)) >= processes for worker in workers),
        "the first beats",
        120.0,
        seen=lambda: [worker.tail() for worker in workers],
    )
    assert [worker.tail() for worker in workers if worker.code is not None] == []


def until_completed(db: Any, job: BatchJob) -> None:
    """Return when a job is over. On a busy machine the provider's answers come late, and are repeated."""

    def shown() -> Any:
        return db["batch_jobs"].find_one({"_id": job.id})

    until(lambda: shown()["state"] == "completed", "the end of the job", 150.0, seen=shown)


def kill(worker: Child) -> None:
    """Kill all of a worker at once, the process that would start it again first."""
    processes = [psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGKILL)


def many_messages(
    runtime: Runtime, engine: DurableEngine, people: int, size: int, start_at: datetime | None = None
) -> BatchJob:
    """Order as many emails as a web process would: each in a call of its own, ``size`` in a sub-batch."""
    for name in (SEND_JOB, FINISH_JOB):
        engine.handle(name, lambda lease: Done(), lambda args, reason: None)
    bench = Bench(runtime, engine, size)
    bench.email.unit_size = 1

    def order() -> BatchJob:
        job = bench.service.open(
            JobType.CREDENTIALS,
            [Channel.EMAIL],
            campus_id="c1",
            course_ids=(),
            actor_id="operations",
            start_at=start_at,
        )
        names = [
            f"{'later' if start_at else 'p'}{number}" for number in range(people)
        ]  # each a link of its own
        nonces = linked(runtime, names)
        bench.service.add(job, [_person(name, nonces[name]) for name in names])
        bench.service.close(job)
        return job

    return runtime.store.atomically(order)


def linked(runtime: Runtime, names: Sequence[str]) -> Mapping[str, str]:
    """Issue a link to each of these people; return the nonces."""
    settings = runtime.settings
    stored, users = LinkRepository(runtime.store), UserRepository(runtime.store)
    links = OneTimeLinks(stored, users, settings.token_key, settings.link_base, SystemClock())
    return links.issue_many(LinkPurpose.ACTIVATE, [(name, "c1") for name in names])


def _person(name: str, nonce: str) -> Recipient:
    address = {Channel.EMAIL: f"{name}@example.com"}
    return Recipient(name, f"Person {name}", address, nonce, {"username": name})
