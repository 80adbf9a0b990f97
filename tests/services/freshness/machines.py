"""Caches as several processes have them, on one MongoDB and, where a test asks for it, one Redis."""

from contextlib import ExitStack
from typing import Any, Self

from integrations.memory import MemoryBus
from integrations.redis_bus import RedisBus
from integrations.redis_cache import RedisTier
from services.freshness.repository import TagRepository
from services.freshness.versions import TagVersions
from services.ports import Bus
from tests.waiting import until
from utils.clock import SystemClock
from utils.resilient_services import Breaker
from utils.store import Store
from utils.supervisor import Supervisor
from utils.ultra_scalable_cache import MemoryTier, TwoTierCache


class Machine:
    """The cache of one process, its loops running."""

    def __init__(self, store: Store, url: str | None, stack: ExitStack) -> None:
        clock = SystemClock()
        supervisor = Supervisor(clock)
        self.bus: Bus = MemoryBus()
        self.tier: RedisTier | None = None
        if url is not None:
            bus = RedisBus(url, clock)
            bus.install(supervisor)
            self.bus = bus
            self.tier = RedisTier(url, Breaker("redis", clock, failures=2))
            self.tier.install(supervisor)
        self.versions = TagVersions(TagRepository(store), store, self.bus, clock)
        self.versions.install(supervisor)
        self.cache = TwoTierCache(
            MemoryTier(1000, 10_000_000),
            self.tier,
            self.versions,
            clock,
            in_transaction=lambda: store.in_transaction,
        )
        supervisor.start()
        stack.callback(supervisor.stop)
        until(lambda: self.bus.status()["hears"])

    def patient(self) -> Self:
        """Wait for Redis as long as a busy machine takes, for a test that counts what it spares."""
        assert self.tier is not None
        pool = self.tier._client.connection_pool
        pool.connection_kwargs.update(socket_timeout=60.0, socket_connect_timeout=60.0)
        pool.disconnect()
        return self

    @property
    def shared(self) -> object:
        """The state of the tier that all share."""
        return self.cache.figures().get("shared")


class Fact:
    """One row of MongoDB that is read through caches and changed with its tag; counts who really read it."""

    def __init__(self, store: Store, db: Any) -> None:
        self._store, self._rows, self.loads = store, db["cache_test_facts"], 0
        self._rows.replace_one({"_id": 1}, {"n": 0}, upsert=True)

    def load(self) -> bytes:
        """Read the row."""
        self.loads += 1
        return str(self._rows.find_one({"_id": 1})["n"]).encode()

    def seen_by(self, machine: Machine) -> int:
        """Return what a process believes."""
        return int(machine.cache.read("fact", ["facts:north"], self.load) or b"-1")

    def change(self, machine: Machine) -> int:
        """Change the row and its tag in one transaction; return what it is now."""

        def work() -> int:
            row = self._store.db["cache_test_facts"].find_one_and_update(
                {"_id": 1},
                {"$inc": {"n": 1}},
                return_document=True,
                session=ambient_session(),
            )
            machine.cache.invalidate("facts:north")
            assert row is not None
            return int(row["n"])

        return self._store.atomically(work)


def ambient_session() -> Any:
    """Return the session of the open transaction."""
    from utils import store

    unit = store._unit.get()
    return unit.session if unit else None
