"""Whether a job may go on, looked at before provider calls: what is paused or cancelled stops in a second."""

import time
from collections.abc import Callable
from typing import Final

from services.batch_jobs.documents import STOPPED, BatchJobState
from services.ports import Later
from utils.resilient_services import jittered

FRESH_SECONDS: Final = 0.2  # how long an answer is believed; many small units share one look
SLOW_SECONDS: Final = 0.7
STALE_SECONDS: Final = 0.8  # an answer that took so long says nothing about now


class Brake:
    """One worker's view of one job. ``seen`` is the state at the last look."""

    def __init__(
        self, look: Callable[[], BatchJobState | None], seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._look, self._seconds = look, seconds
        self._asked = float("-inf")
        self.seen: BatchJobState | None = None
        self._slow = False

    def free(self) -> bool:
        """Tell whether one more provider call may begin now."""
        if self._seconds() - self._asked > FRESH_SECONDS:
            self._asked = self._seconds()
            self.seen = self._look()
        self._slow = self.seen not in STOPPED and self._seconds() - self._asked >= STALE_SECONDS
        return self.seen not in STOPPED and not self._slow

    def pause(self) -> Later:
        """Return when the job is worth another claim: not at once where the last look was too slow."""
        return Later(jittered(SLOW_SECONDS) if self._slow else 0)
