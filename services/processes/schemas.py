"""What clients see of the server's processes."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from services.processes.documents import ProcessState, ServerProcess


class ProcessOut(BaseModel):
    """One living process, as it described itself at ``seen_at``.

    ``figures`` has what the process shows by name: ``loops`` (age, failures), ``queues`` (seats, running),
    ``sockets``, ``memory`` (bytes), ``cpu`` (cores in use), and more.
    """

    id: str
    host: str
    pid: int
    role: str
    version: str
    state: ProcessState
    started_at: datetime
    seen_at: datetime
    figures: dict[str, Any]

    @classmethod
    def of(cls, process: ServerProcess) -> "ProcessOut":
        """Return what is shown of a row."""
        return cls.model_validate(process.model_dump() | {"seen_at": process.beat_at})
