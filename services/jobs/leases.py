"""The leases that this process holds: whether each still lasts, and who renews it."""

from collections import Counter
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
    since: float  # on the monotonic clock, from before the claim was asked for
    until: float


class Leases:
    """Claims of this process whose work goes on, also those that have lapsed since."""

    def __init__(self, jobs: JobRepository, clock: Clock, seconds: float) -> None:
        self._jobs, self._clock, self.seconds = jobs, clock, seconds
        self._held: dict[tuple[str, int], _Held] = {}
        self._lock = Lock()
        self._left = Condition(self._lock)

    def take(self, job: Job, asked: float) -> None:
        """Note a job that was claimed by what was asked at ``asked`` on the monotonic clock."""
        with self._lock:
            for held in self._held.values():
                if held.job.id == job.id:  # it lapsed, and was claimed again by this very process
                    held.until = 0.0
            self._held[job.id, job.fence] = _Held(job, asked, asked + self.seconds * (1 - MARGIN))

    def lasts(self, job: Job) -> bool:
        """Tell whether this claim still gives the right to begin something."""
        held = self._held.get((job.id, job.fence))
        return held is not None and self._clock.monotonic() < held.until

    def leave(self, job: Job) -> None:
        """Forget a claim: its work is over."""
        with self._lock:
            self._held.pop((job.id, job.fence), None)
            self._left.notify_all()

    def wait(self, timeout: float) -> int:
        """Wait until nothing runs here any more; return how many jobs still do after ``timeout`` seconds."""
        with self._left:
            self._left.wait_for(lambda: not self._held, timeout)
            return len(self._held)

    def renew(self, longest: float) -> None:
        """Prolong every lease; but a job that has run for ``longest`` seconds has to come back."""
        every, asked = self._all(), self._clock.monotonic()
        wanted = [(held.job.id, held.job.fence) for held in every if asked - held.since < longest]
        renewed = self._jobs.renew(wanted, self.seconds)
        for held in every:
            kept = (held.job.id, held.job.fence) in renewed
            held.until = asked + self.seconds * (1 - MARGIN) if kept else 0.0

    def busy(self, queue: Queue) -> int:
        """Return how many jobs of a queue run in this process."""
        return sum(held.job.queue == queue for held in self._all())

    def by_queue(self) -> dict[str, int]:
        """Return how many jobs run in this process, by queue."""
        return dict(Counter(str(held.job.queue) for held in self._all()))

    def oldest(self) -> dict[str, float]:
        """Return for how many seconds the oldest job of each queue has been running here."""
        now, oldest = self._clock.monotonic(), dict[str, float]()
        for held in self._all():
            queue = str(held.job.queue)
            oldest[queue] = max(oldest.get(queue, 0.0), now - held.since)
        return oldest

    def _all(self) -> list[_Held]:
        with self._lock:
            return list(self._held.values())
