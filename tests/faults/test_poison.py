"""Jobs that end their process, eat its memory, never return: the others go on, the poison is buried."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from pymongo import MongoClient

from config.settings import Settings
from integrations.threads_engine import ThreadsEngine
from services.jobs.documents import INDEXES, JOBS
from services.ports import Queue
from startup_scripts.child import Child
from tests import servers
from tests.faults.poisoned import ATTEMPTS, KINDS, LONGEST, SEATS, engine
from tests.waiting import until
from utils.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("product"), pytest.mark.timeout(600)]

GOOD: Final = 60
SECONDS: Final = 60.0
REASONS: Final = {
    "exits": "it never came to an end",
    "eats": "MemoryError",
    "hangs": "it never came to an end",
}


class Site:
    """A process that runs jobs, started again whenever it has ended, and the database of the jobs."""

    def __init__(self, uri: str, log: Path) -> None:
        self._client: MongoClient[dict[str, Any]] = MongoClient(uri, tz_aware=True)
        self.db: Any = self._client.get_default_database()
        self.db[JOBS].create_indexes(INDEXES[JOBS])
        self.engine: ThreadsEngine = engine(Store(self._client))
        command = [sys.executable, "-m", "tests.faults.poisoned", uri]
        environment = {**os.environ, "PYTHONPATH": str(servers.ROOT), "MALLOC_ARENA_MAX": "2"}
        self.child = Child(command, log, env=environment, cwd=servers.ROOT)
        self.endings: list[int] = []

    def until(self, true: Callable[[], Any]) -> None:
        def tended() -> Any:
            if self.child.code is not None:
                self.endings.append(self.child.code)
                self.child.start()
            return true()

        until(
            tended, "jobs", SECONDS, seen=lambda: (list(self.db[JOBS].find()), self.child.tail()), pause=0.05
        )

    def order(self, kind: str, many: int = 1) -> None:
        """Have jobs of a kind run, those that wait longest first."""
        jobs = [(f"{kind}{number}", {"name": kind}) for number in range(many)]
        self.engine.submit_many(kind, jobs, queue=Queue.MESSAGES)

    def states(self, kind: str) -> set[str]:
        return {row["state"] for row in self.db[JOBS].find({"_id": {"$gte": kind, "$lt": f"{kind}:"}})}

    def stop(self) -> None:
        self.child.stop(0.1)
        self._client.drop_database(self.db.name)
        self._client.close()


@pytest.fixture
def site(settings: Settings, folder: Path) -> Iterator[Site]:
    site = Site(settings.mongodb_uri.replace("/versant_", "/versant_poison_"), folder / "poisoned.log")
    site.child.start()
    yield site
    site.stop()


@pytest.mark.parametrize("kind", REASONS)
def test_poison_is_buried_with_its_reason_and_everything_else_is_done(site: Site, kind: str) -> None:
    site.order(kind)
    site.order("good", GOOD)

    site.until(lambda: site.states(kind) == {"discarded"} and site.states("good") == {"completed"})

    (job,) = site.db[JOBS].find({"_id": f"{kind}0"})
    assert (job["attempt"], job["error"]) == (ATTEMPTS + 1, REASONS[kind])
    assert list(site.db["buried"].find({}, {"_id": 0})) == [{"name": kind, "reason": REASONS[kind]}]
    assert site.endings == ([3] * ATTEMPTS if kind == "exits" else [])
    (last,) = site.db[JOBS].find({"_id": f"good{GOOD - 1}"})
    assert last["state"] == "completed"


def test_a_job_that_never_returns_holds_one_seat_until_its_time_is_over_and_shows(site: Site) -> None:
    assert set(KINDS) == {"good", *REASONS}
    site.order("hangs")
    site.until(lambda: site.states("hangs") == {"running"})
    (first,) = site.db[JOBS].find({"_id": "hangs0"})
    begun = time.monotonic()

    site.until(lambda: site.db[JOBS].find_one({"_id": "hangs0"})["fence"] > first["fence"])

    assert time.monotonic() - begun + 0.2 >= LONGEST
    site.order("good", SEATS)
    site.until(lambda: site.states("good") == {"completed"})
