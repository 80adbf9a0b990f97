"""The job engine of one machine: durable jobs in MongoDB, run by the AsyncProcessor of each process."""

from collections.abc import Callable, Sequence
from typing import Final

from services.jobs.documents import Job
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
        super().__init__(jobs, store, clock, lease_seconds)
        self._processor = processor
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
        for queue, most in self._seats.items():
            claim = self._claimer(queue, most)
            self._claimers[queue] = supervisor.add(f"claim-{queue}", POLL_SECONDS, claim)

    def drain(self, timeout: float) -> int:
        """Claim nothing more and wait for what runs."""
        self._stopping.set()
        return self._processor.drain(timeout).running

    def _claimer(self, queue: Queue, most: int) -> Callable[[], None]:
        def claim() -> None:
            while not self.idle() and (free := most - self._leases.busy(queue)) > 0:
                jobs = self._claims.claim(queue, free)
                if jobs is None:
                    return
                for job in jobs:
                    self._start(job)

        return claim

    def _start(self, job: Job) -> None:
        if not self._processor.try_submit(self.work, job):
            self._jobs.release(job.id, job.fence, 0, burn=False)
            self._leases.leave(job)
