"""What people do to a job while it runs and things die: pause, resume, cancel, retry what has failed."""

import time
from collections import Counter
from random import Random
from typing import Any, Final

from tests.faults.client import PatientClient
from tests.waiting import until

RESUMED_SECONDS: Final = 60.0
BEFORE: Final = (0.0, 0.3)  # seconds after the job was seen
PAUSED: Final = (0.1, 0.5)


class Meddler:
    """One person's hand on jobs. ``did`` counts what took effect; a request may have to be repeated."""

    def __init__(self, seed: int, share: float, cancelled: float) -> None:
        self._random, self._share, self._cancelled = Random(f"meddler {seed}"), share, cancelled
        self.did: Counter[str] = Counter()
        self.cancelled: set[str] = set()

    def meddle(self, client: PatientClient, job_id: str) -> None:
        """Pause and resume a job, and perhaps cancel it; leave it going or at its end."""
        if self._random.random() >= self._share:
            return
        path = f"/batch_processing/jobs/{job_id}"
        for _ in range(self._random.choice((1, 2, 3))):
            time.sleep(self._random.uniform(*BEFORE))
            if self._do(client, path, "pause") == "paused":
                time.sleep(self._random.uniform(*PAUSED))
                self._resume(client, path)
        if self._random.random() < self._cancelled and self._do(client, path, "cancel") == "cancelled":
            self.cancelled.add(job_id)

    def retry(self, client: PatientClient, job_id: str) -> bool:
        """Put back what has failed of a job that is over; False if nothing has."""
        path = f"/batch_processing/jobs/{job_id}"
        if not client.get(path)["counts"]["failed"]:
            return False
        self._do(client, path, "retry_failed")
        return True

    def _resume(self, client: PatientClient, path: str) -> None:
        until(lambda: self._do(client, path, "resume") != "paused", f"{path} resumed", RESUMED_SECONDS)

    def _do(self, client: PatientClient, path: str, what: str) -> str:
        """Ask for one thing; return the state that the job is then in.

        A conflict tells that it was done when an answer was lost, or that the job was faster.
        """
        answer: Any = client.call("POST", f"{path}/{what}", conflict=True)
        if answer is None:
            return str(client.get(path)["state"])
        self.did[what] += 1
        return str(answer["state"])
