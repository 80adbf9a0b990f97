"""Server processes: one row each, written by the process itself while it lives."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pymongo import ASCENDING, IndexModel

from utils.documents import Document, new_id

PROCESSES: Final = "server_processes"
BEAT_SECONDS: Final = 2.0
LIVING_SECONDS: Final = 8.0  # without a beat for so long, a process is gone
KEEP_SECONDS: Final = 60


class ProcessState(StrEnum):
    """``draining`` takes no more work and ends once what it has begun is done."""

    SERVING = "serving"
    DRAINING = "draining"


class Command(BaseModel):
    """Something that one process has to do once; ``name`` is what it was declared as."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(default_factory=new_id)
    name: str
    args: dict[str, Any] = Field(default_factory=dict)


class ServerProcess(Document):
    """One process. ``parent`` is the process that started it: gunicorn's own for a web worker.

    ``beat_at`` and ``started_at`` are of MongoDB's clock. ``commands`` are those it has not done yet.
    """

    host: str
    pid: int
    parent: int
    role: str
    version: str
    state: ProcessState
    started_at: datetime
    beat_at: datetime
    figures: dict[str, Any]
    commands: list[Command]


INDEXES: Final = {
    PROCESSES: [
        IndexModel([("beat_at", ASCENDING)], name="expiry", expireAfterSeconds=KEEP_SECONDS),
    ]
}
