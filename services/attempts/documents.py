"""Attempts: one student's sitting of one test, with every answer that was acknowledged."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pymongo import ASCENDING, IndexModel

from utils.documents import Document

ATTEMPTS: Final = "attempts"
ATTEMPT_EVENTS: Final = "attempt_events"
GRACE_SECONDS: Final = 5  # of network after the deadline
HEARTBEAT_SECONDS: Final = 20  # how often a client tells that it is there, when it saves nothing
GAP_SECONDS: Final = 45  # of silence from which on the connection counts as lost


class AttemptState(StrEnum):
    ACTIVE = "active"
    SUBMITTED = "submitted"


class ClosedBy(StrEnum):
    """Who ended an attempt: whoever sat it, the sweeper at its deadline, or the exam room."""

    STUDENT = "student"
    DEADLINE = "deadline"
    ROOM = "room"


class EventKind(StrEnum):
    """What a client reports. It flags, it never changes a mark."""

    FOCUS_LOST = "focus_lost"
    PASTE = "paste"
    FULLSCREEN_EXIT = "fullscreen_exit"
    NETWORK_GAP = "network_gap"


class Saved(BaseModel):
    """The newest answer to one slot, as it was sent. ``digest`` is that of the response (``receipts.py``).

    One that is ``final`` was checked in practice: no later answer takes its place.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    seq: int
    response: dict[str, Any]
    digest: str = ""
    at: datetime
    final: bool = False


class Granted(BaseModel):
    """Time that an order of the exam room gave to one attempt; it gives it once."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    order_id: str
    seconds: int


class Attempt(Document):
    """``number`` counts a student's attempts at a test from 1. Times are mongod's.

    ``deadline_at`` follows from the fields above it by ``deadline.py``; only an audited grant changes it.
    ``course_ids`` are the test's. ``session_id`` is the login that may save now. ``gap_seconds`` is for how
    long nothing was heard of the client, every silence of ``GAP_SECONDS`` or more counted whole. ``plays``
    counts by slot how often it was heard, which may be ``extra_plays`` times more than the question says.
    """

    campus_id: str
    course_ids: tuple[str, ...] = ()
    batch_id: str
    test_id: str
    student_id: str
    number: int
    kind: str
    state: AttemptState = AttemptState.ACTIVE
    seed: str
    started_at: datetime
    duration_seconds: int
    time_percent: int = 100  # an accommodation's factor, in hundredths
    granted_seconds: int = 0  # the sum of ``grants``
    grants: tuple[Granted, ...] = ()
    window_end_at: datetime | None = None
    deadline_at: datetime
    session_id: str
    answers: dict[str, Saved] = {}  # noqa: RUF012 -- pydantic copies defaults
    last_seen_at: datetime
    gap_seconds: int = 0
    plays: dict[str, int] = {}  # noqa: RUF012 -- pydantic copies defaults
    extra_plays: int = 0
    compensated_seconds: int = 0  # of the gaps
    flags: int = 0
    closed_by: ClosedBy | None = None
    submitted_at: datetime | None = None


class AttemptEvent(Document):
    """Something that a client reported of an attempt. ``at`` is mongod's time, the rest the client's word."""

    campus_id: str
    course_ids: tuple[str, ...] = ()
    attempt_id: str
    test_id: str
    student_id: str
    kind: EventKind
    seconds: int | None = None
    slot: str | None = None
    at: datetime


INDEXES: Final = {
    ATTEMPTS: [
        IndexModel(
            [("test_id", ASCENDING), ("student_id", ASCENDING), ("number", ASCENDING)],
            name="once",
            unique=True,
        ),
        IndexModel([("student_id", ASCENDING), ("_id", ASCENDING)], name="of_student"),
        IndexModel([("state", ASCENDING), ("deadline_at", ASCENDING)], name="overdue"),
    ],
    ATTEMPT_EVENTS: [IndexModel([("attempt_id", ASCENDING), ("_id", ASCENDING)], name="of_attempt")],
}
