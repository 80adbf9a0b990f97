"""What clients see of the breakers of all processes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Self

from pydantic import BaseModel

from services.processes.documents import ServerProcess
from utils.resilient_services import BreakerState

WORST_FIRST = (BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED)


class BreakerInProcess(BaseModel):
    """One process's breaker, as it was at ``seen_at``.

    ``count`` is of faults in a row while closed, of good probes in a row while half open. ``next_probe_at``
    is null while closed.
    """

    process_id: str
    host: str
    pid: int
    state: BreakerState
    count: int
    cause: str
    next_probe_at: datetime | None
    seen_at: datetime

    @classmethod
    def of(cls, process: ServerProcess, status: dict[str, str | int | float]) -> Self:
        """Return what a process shows of one breaker."""
        closed = status["state"] == BreakerState.CLOSED
        wait = timedelta(seconds=float(status["next_probe_seconds"]))
        return cls.model_validate(
            status
            | {
                "process_id": process.id,
                "host": process.host,
                "pid": process.pid,
                "next_probe_at": None if closed else process.beat_at + wait,
                "seen_at": process.beat_at,
            }
        )


class BreakerOut(BaseModel):
    """What stands between us and one service. ``state`` is the worst that any process is in."""

    name: str
    state: BreakerState
    processes: list[BreakerInProcess]

    @classmethod
    def of(cls, name: str, processes: Sequence[BreakerInProcess]) -> Self:
        """Return one breaker over all processes."""
        states = {one.state for one in processes}
        worst = next((state for state in WORST_FIRST if state in states), BreakerState.CLOSED)
        return cls(name=name, state=worst, processes=list(processes))
