"""A process that runs jobs some of which are poison: ``python -m tests.faults.poisoned URI``.

It looks after one database and ends only by poison, or when its parent does.
"""

import os
import resource
import sys
import time
from collections.abc import Mapping
from threading import Event
from typing import Any, Final

from pymongo import MongoClient

from integrations.threads_engine import ThreadsEngine
from services.jobs.engine import MAX_ATTEMPTS
from services.jobs.repository import JobRepository
from services.ports import JSON, Done, JobResult, Lease, Queue
from utils.async_processor import AsyncProcessor
from utils.clock import SystemClock
from utils.store import Store
from utils.supervisor import Supervisor

ATTEMPTS: Final = 2  # of poison; what runs beside it when the process ends loses a claim, and has more
LEASE, LONGEST = 0.6, 1.0
SEATS: Final = 4
ROOM: Final = 300 * 2**20  # bytes that the process may take beyond what it has


def good(_: Lease) -> JobResult:
    """Take a moment."""
    time.sleep(0.02)
    return Done()


def exits(_: Lease) -> JobResult:
    """End the process."""
    os._exit(3)


def eats(_: Lease) -> JobResult:
    """Take memory until there is none."""
    eaten: list[bytearray] = []
    while True:
        eaten.append(bytearray(16 * 2**20))


def hangs(_: Lease) -> JobResult:
    """Never return."""
    Event().wait()
    return Done()


KINDS: Final = {"good": good, "exits": exits, "eats": eats, "hangs": hangs}


def engine(store: Store) -> ThreadsEngine:
    """Return an engine that knows all kinds, and writes down whom it buries."""
    clock, buried = SystemClock(), store.db["buried"]
    made = ThreadsEngine(JobRepository(store), store, AsyncProcessor(SEATS), clock, LEASE)

    def bury(args: Mapping[str, JSON], reason: str) -> None:
        buried.insert_one({"name": args["name"], "reason": reason})

    for name, run in KINDS.items():
        made.handle(name, run, bury, MAX_ATTEMPTS if run is good else ATTEMPTS)
    return made


def main() -> None:
    """Run jobs until the end."""
    client: MongoClient[dict[str, Any]] = MongoClient(sys.argv[1], tz_aware=True)
    supervisor = Supervisor(SystemClock())
    engine(Store(client)).install(supervisor, {Queue.MESSAGES: SEATS}, LONGEST)
    supervisor.start()
    pages = int(open("/proc/self/statm").read().split()[0])  # noqa: SIM115
    most = pages * os.sysconf("SC_PAGE_SIZE") + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    Event().wait()


if __name__ == "__main__":
    main()
