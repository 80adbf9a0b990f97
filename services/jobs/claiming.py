"""Claiming: as many due jobs as there are free seats, in one update, whoever's turn it is."""

import uuid
from random import sample
from threading import Lock
from typing import Final

from services.jobs.documents import Job
from services.jobs.leases import Leases
from services.jobs.repository import JobRepository
from services.jobs.turns import Turns
from services.ports import Queue
from utils.clock import Clock

ROOM: Final = 6  # candidates for each seat: processes that claim at once seldom draw the same ones
MOST_CANDIDATES: Final = 300


class Claims:
    """Claims jobs for this process."""

    def __init__(self, jobs: JobRepository, leases: Leases, clock: Clock) -> None:
        self._jobs, self._leases, self._clock = jobs, leases, clock
        self._turns: dict[Queue, Turns] = {}
        self._lock = Lock()

    def look(self, queue: Queue, most: int) -> list[str]:
        """Return up to ``most`` jobs that are due, some of everybody's, without claiming them."""
        waiting = self._jobs.waiting(queue)
        each = -(-most // len(waiting)) if waiting else 0
        return [job_id for fair in waiting for job_id in self._jobs.due(queue, fair, each)][:most]

    def claim(self, queue: Queue, seats: int, rung: str | None = None) -> list[Job] | None:
        """Lease up to ``seats`` due jobs; None if none is due, an empty list if others were faster.

        With one seat, ``rung`` is taken if its turn has come: nobody else was told of the same job.
        """
        with self._lock:
            share = self._turns.setdefault(queue, Turns()).share(self._jobs.waiting(queue), seats)
        if not share:
            return None
        chosen = [job_id for fair, some in share.items() for job_id in self._draw(queue, fair, some, rung)]
        asked = self._clock.monotonic()
        jobs = self._jobs.claim(chosen, uuid.uuid4().hex, self._leases.seconds)
        for job in jobs:
            self._leases.take(job, asked)
        return jobs

    def _draw(self, queue: Queue, fair: str | None, some: int, rung: str | None) -> list[str]:
        candidates = self._jobs.due(queue, fair, min(MOST_CANDIDATES, ROOM * some))
        if rung in candidates:
            return [rung]
        return sample(candidates, min(some, len(candidates)))  # nosec B311  # for fairness, not for secrecy
