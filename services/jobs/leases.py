"""The leases that this process holds: whether each still lasts, and who renews it."""

from dataclasses import dataclass
from threading import Condition, Lock
from typing import Final

from services.jobs.documents import Job
from services.jobs.repository import JobRepository
from services.ports import Queue
from utils.clock import Clock

MARGIN: Final = 0.2  # share of a lease in which no new effect is begun


@dataclass(slots=True)
class _Held:
    job: Job
    until: float  # on the monotonic clock, counted from before the claim was asked for


class Leases:
    """Held leases by job. One that lapsed and was claimed again, even by this process, is another one."""

    def __init__(self, jobs: JobRepository, clock: Clock, seconds: float) -> None:
        self._jobs, self._clock, self.seconds = jobs, clock, seconds
        self._held: dict[str, _Held] = {}
        self._busy: dict[Queue, int] = {}
        self._lock = Lock()
        self._left = Condition(self._lock)

    def take(self, job: Job, asked: float) -> None:
        """Note a job that was claimed by what was asked at ``asked`` on the monotonic clock."""
        with self._lock:
            self._busy[job.queue] = self._busy.get(job.queue, 0) + 1
            self._held[job.id] = _Held(job, asked + self.seconds * (1 - MARGIN))

    def lasts(self, job: Job) -> bool:
        """Tell whether this claim still gives the right to begin something."""
        held = self._held.get(job.id)
        if held is None or held.job.fence != job.fence:
            return False
        return self._clock.monotonic() < held.until

    def leave(self, job: Job) -> None:
        """Forget a claim: its work is over."""
        with self._lock:
            self._busy[job.queue] -= 1
            held = self._held.get(job.id)
            if held is not None and held.job.fence == job.fence:
                del self._held[job.id]
            self._left.notify_all()

    def wait(self, timeout: float) -> int:
        """Wait until nothing runs here any more; return how many jobs still do after ``timeout`` seconds."""
        with self._left:
            self._left.wait_for(lambda: not any(self._busy.values()), timeout)
            return sum(self._busy.values())

    def renew(self) -> None:
        """Prolong every lease."""
        for held in list(self._held.values()):
            asked = self._clock.monotonic()
            if self._jobs.renew(held.job.id, held.job.fence, self.seconds):
                held.until = asked + self.seconds * (1 - MARGIN)
            else:
                held.until = 0.0

    def busy(self, queue: Queue) -> int:
        """Return how many jobs of a queue run in this process."""
        return self._busy.get(queue, 0)

    def by_queue(self) -> dict[str, int]:
        """Return how many jobs run in this process, by queue."""
        with self._lock:
            return {str(queue): busy for queue, busy in self._busy.items()}
