"""Durable jobs: what the engine knows about a piece of work, whoever runs it."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pymongo import ASCENDING, IndexModel

from services.ports import Queue
from utils.documents import Document

JOBS: Final = "engine_jobs"
KEEP_SECONDS: Final = 24 * 3600


class JobState(StrEnum):
    """``available`` waits for ``run_at``, ``held`` for ``free``; ``running`` has a lease; rest: final."""

    AVAILABLE = "available"
    HELD = "held"
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"


class Job(Document):
    """``_id`` is the caller's key. ``fence`` counts the claims, ``attempt`` those that failed.

    ``fair`` and ``priority`` say whose turn it takes, ``group`` what it is held, freed and dropped with.
    ``token`` names the claim that leased it together with others.
    """

    name: str
    args: dict[str, Any]
    queue: Queue
    group: str | None = None
    fair: str | None = None
    priority: int = 0
    state: JobState = JobState.AVAILABLE
    run_at: datetime
    token: str | None = None
    fence: int = 0
    attempt: int = 0
    lease_until: datetime | None = None
    request_id: str = ""
    error: str | None = None
    created_at: datetime
    finished_at: datetime | None = None


INDEXES: Final = {
    JOBS: [
        IndexModel(
            [("queue", ASCENDING), ("state", ASCENDING), ("fair", ASCENDING), ("run_at", ASCENDING)],
            name="turn",
        ),
        IndexModel([("state", ASCENDING), ("lease_until", ASCENDING)], name="rescue"),
        IndexModel([("group", ASCENDING), ("state", ASCENDING)], name="group"),
        IndexModel("finished_at", name="expiry", expireAfterSeconds=KEEP_SECONDS),
    ]
}
