"""The job engine of one machine: durable jobs in MongoDB, run by the AsyncProcessor of each process."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from services.jobs.engine import DurableEngine
from services.jobs.repository import JobRepository
from services.ports import Queue
from utils.async_processor import AsyncProcessor
from utils.clock import Clock
from utils.store import Store
from utils.supervisor import Loop, Supervisor

POLL_SECONDS: Final = 0.5


class ThreadsEngine(DurableEngine):
    """JobEngine over threads. Each process looks into MongoDB for work, at once for what it stored itself."""

    def __init__(
        self, jobs: JobRepository, store: Store, processor: AsyncProcessor, clock: Clock, lease_seconds: float
    ) -> None:
        super().__init__(jobs, store, processor, clock, lease_seconds)
        self._claimers: dict[Queue, Loop] = {}

    def announce(self, queue: Queue, _keys: Sequence[str], /) -> None:
        """Let this process look for work now; others find it at their next poll."""
        self.wake(queue)

    def wake(self, queue: Queue) -> None:
        """Let this process look for work now."""
        if loop := self._claimers.get(queue):
            loop.wake()

    def watch(self, supervisor: Supervisor) -> None:
        """Declare one claimer per queue."""
        for queue in self._seats:
            claim = partial(self.poll, queue)
            self._claimers[queue] = supervisor.add(f"claim-{queue}", POLL_SECONDS, claim)

    def drain(self, timeout: float) -> int:
        """Claim nothing more and wait for what runs."""
        self._stopping.set()
        return self._processor.drain(timeout).running
