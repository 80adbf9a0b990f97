"""A server process's job engine with its loops, as the tests of engines need it."""

from collections.abc import Callable, Mapping
from typing import Any

from integrations.dramatiq_engine import Bells, DramatiqEngine
from integrations.threads_engine import ThreadsEngine
from services.jobs.documents import JOBS
from services.jobs.engine import DurableEngine
from services.jobs.repository import JobRepository
from services.ports import Done, JobResult, Lease, Queue
from tests import servers
from utils.async_processor import AsyncProcessor
from utils.clock import SystemClock
from utils.resilient_services import Breaker
from utils.store import Store
from utils.supervisor import Supervisor

LEASE_SECONDS = 30.0  # so that a busy machine loses none
SHORT_LEASE = 0.6  # where leases are to lapse
Handler = Callable[[Lease], JobResult]


def engine(
    kind: str, store: Store, jobs: JobRepository, redis_url: str = "", lease: float = LEASE_SECONDS
) -> DurableEngine:
    """Return one of the engines; all that are made for one store work together."""
    clock, processor = SystemClock(), AsyncProcessor(8)
    if kind == "threads":
        return ThreadsEngine(jobs, store, processor, clock, lease)
    breaker = Breaker("bells", clock, failures=1, open_seconds=0.5, successes_to_close=1)
    bells = Bells(redis_url or servers.redis_server(), namespace(store), breaker)
    return DramatiqEngine(jobs, store, processor, clock, lease, bells)


def namespace(store: Store) -> str:
    """Return where bells for the jobs of this store wait."""
    return f"contract:{store.name}"


class Machine:
    """An engine with its loops, as one server process has them; without seats, one that only submits."""

    def __init__(
        self,
        kind: str,
        store: Store,
        handler: Handler,
        seats: int = 4,
        redis_url: str = "",
        lease: float = LEASE_SECONDS,
    ) -> None:
        self.buried: list[tuple[Mapping[str, Any], str]] = []
        self.jobs = JobRepository(store)
        self.engine = engine(kind, store, self.jobs, redis_url, lease)
        self.engine.handle("work", handler, lambda args, reason: self.buried.append((args, reason)))
        self.supervisor = Supervisor(SystemClock())
        if seats:
            self.engine.install(self.supervisor, {Queue.MESSAGES: seats})

    def start(self) -> "Machine":
        self.supervisor.start()
        return self

    def stop(self) -> None:
        self.engine.drain(5)
        self.supervisor.stop()


def noting(seen: list[Any], what: str) -> Callable[[Lease], JobResult]:
    """Return a handler that remembers one thing of every lease."""

    def handler(lease: Lease) -> JobResult:
        seen.append(getattr(lease, what))
        return Done()

    return handler


def row(looking: Any, key: str) -> Any:
    return looking[JOBS].find_one({"_id": key})
