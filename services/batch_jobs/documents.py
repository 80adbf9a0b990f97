"""Batch jobs, their sub-batches and their deliveries, as they are stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.ports import Channel
from utils.documents import Document

BATCH_JOBS: Final = "batch_jobs"
SUB_BATCHES: Final = "sub_batches"
DELIVERIES: Final = "deliveries"
TEMPLATE_VERSIONS: Final = "template_versions"
UNMATCHED_EVENTS: Final = "unmatched_events"
CHANNELS: Final = "channels"
PACES: Final = "paces"
QUOTAS: Final = "message_quotas"


class JobType(StrEnum):
    """What a batch job sends. An area that adds one registers its composer in ``main``."""

    CREDENTIALS = "credentials"
    TEMPLATE_TEST = "template_test"


class BatchJobState(StrEnum):
    """``queued`` until a first message is tried; ``completed`` when nothing is pending or sending."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    RETRYABLE = "retryable"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"


class RepeatPolicy(StrEnum):
    """What becomes of a message of which nobody knows whether it left: it stays so, or is sent once more."""

    AT_MOST_ONCE = "at_most_once"
    AT_LEAST_ONCE = "at_least_once"


class DeliveryState(StrEnum):
    """One message's way. ``unknown``: the provider may or may not have it and nothing can settle that now."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


OPEN_STATES: Final = (DeliveryState.PENDING, DeliveryState.SENDING)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person in a job. ``params`` and ``nonce`` are all that a message needs besides its template."""

    id: str
    name: str
    addresses: Mapping[Channel, str | None]
    nonce: str = ""
    params: Mapping[str, str] = field(default_factory=dict)


class Waiting(BaseModel):
    """Why messages of a job wait, and until when that is known."""

    reason: str
    until: datetime


class BatchJob(Document):
    """One background run over many recipients. ``filled``: every recipient has been added.

    ``waiting`` says by channel what a job waits for; it is over once its time has passed.
    ``needs``: the parameters that its texts ask of each recipient.
    """

    type: JobType
    state: BatchJobState = BatchJobState.QUEUED
    campus_id: str | None
    course_ids: tuple[str, ...] = ()
    channels: tuple[Channel, ...]
    template: str
    template_version: str
    policy: RepeatPolicy = RepeatPolicy.AT_MOST_ONCE
    needs: tuple[str, ...] = ()
    filled: bool = False
    sub_batches: int = 0
    counts: dict[str, int] = {}  # noqa: RUF012 -- pydantic copies defaults
    sub_batches_done: int = 0
    waiting: dict[Channel, Waiting] = {}  # noqa: RUF012 -- pydantic copies defaults
    created_by: str
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    announced_at: datetime | None = None


class SubBatch(Document):
    """At most 100 recipients over one channel: what a worker claims. Its engine job has the same id."""

    job_id: str
    campus_id: str | None
    channel: Channel
    number: int
    done: bool = False


class UnmatchedEvent(Document):
    """An event of the provider about a message that is not known (yet). ``_id`` tells it from all others."""

    channel: Channel
    kind: str
    message_id: str
    delivery_id: str
    at: datetime | None
    reason: str
    tries: int = 0
    due_at: datetime | None
    received_at: datetime


class Delivery(Document):
    """One message to one recipient over one channel, with its whole history.

    ``unit`` is the idempotency key of the provider call that carries it: deliveries with one key go out
    together, always the same ones in the same order, and a certain refusal is followed by new keys.
    ``reported`` is the rank of the furthest event that the provider told of (``events.py``), ``resends`` how
    often the message was sent anew because nobody knew about it.
    ``counted``: it is in a day's quota of its campus. ``tried_at``: the first call of all.
    """

    job_id: str
    sub_batch_id: str
    campus_id: str | None
    recipient_id: str
    channel: Channel
    number: int
    name: str
    to: str | None
    nonce: str
    params: dict[str, str]
    unit: str
    state: DeliveryState
    fence: int = 0
    attempts: int = 0
    counted: bool = False
    tried_at: datetime | None = None
    first_call_at: datetime | None = None
    provider_message_id: str | None = None
    reported: int = 0
    resends: int = 0
    last_error: str | None = None
    history: tuple[dict[str, Any], ...] = ()
    created_at: datetime
    updated_at: datetime


class ChannelState(Document):
    """Whether anything may be sent over a channel (``_id``), for every process.

    ``epoch`` grows when it is opened: a refusal of a call that began before cannot close it again.
    ``tries`` counts the openings in a row after which the provider refused again soon.
    """

    paused: bool = False
    reason: str = ""
    since: datetime | None = None
    opened_at: datetime | None = None
    epoch: int = 0
    tries: int = 0
    probe_at: datetime | None = None


_STATES: Final = [str(state) for state in DeliveryState]
_JOB_STATES: Final = [str(state) for state in BatchJobState]

VALIDATORS: Final[Mapping[str, Mapping[str, Any]]] = {
    DELIVERIES: {
        "bsonType": "object",
        "required": ["job_id", "sub_batch_id", "campus_id", "recipient_id", "channel", "state", "unit"],
        "properties": {
            "campus_id": {"bsonType": ["string", "null"]},
            "state": {"enum": _STATES},
            "channel": {"enum": [str(channel) for channel in Channel]},
            "fence": {"bsonType": ["int", "long"], "minimum": 0},
        },
    },
    BATCH_JOBS: {
        "bsonType": "object",
        "required": ["type", "state", "campus_id", "created_by", "created_at"],
        "properties": {"campus_id": {"bsonType": ["string", "null"]}, "state": {"enum": _JOB_STATES}},
    },
}

_NEWEST = ("_id", DESCENDING)
UNMATCHED_SECONDS: Final = 48 * 3600

INDEXES: Final[Mapping[str, list[IndexModel]]] = {
    CHANNELS: [],
    PACES: [],
    QUOTAS: [],
    BATCH_JOBS: [
        IndexModel([("campus_id", ASCENDING), _NEWEST], name="campus"),
        IndexModel([("campus_id", ASCENDING), ("state", ASCENDING), _NEWEST], name="campus_state"),
        IndexModel([("state", ASCENDING), _NEWEST], name="state"),
    ],
    SUB_BATCHES: [IndexModel([("job_id", ASCENDING), ("done", ASCENDING)], name="job")],
    DELIVERIES: [
        IndexModel(
            [("job_id", ASCENDING), ("recipient_id", ASCENDING), ("channel", ASCENDING)],
            name="once",
            unique=True,
        ),
        IndexModel([("job_id", ASCENDING), ("state", ASCENDING), ("_id", ASCENDING)], name="job_state"),
        IndexModel([("job_id", ASCENDING), ("_id", ASCENDING)], name="job"),
        IndexModel([("sub_batch_id", ASCENDING), ("number", ASCENDING)], name="sub_batch"),
        IndexModel([("recipient_id", ASCENDING), ("channel", ASCENDING), _NEWEST], name="recipient"),
        IndexModel(
            [
                ("campus_id", ASCENDING),
                ("channel", ASCENDING),
                ("created_at", ASCENDING),
                ("_id", ASCENDING),
                ("state", ASCENDING),  # at the end, so that counting by state reads the index and no row
            ],
            name="campus_channel",
        ),
        IndexModel(
            [("channel", ASCENDING), ("created_at", ASCENDING), ("_id", ASCENDING), ("state", ASCENDING)],
            name="channel",
        ),
        IndexModel(
            [("channel", ASCENDING), ("state", ASCENDING), ("created_at", ASCENDING), ("_id", ASCENDING)],
            name="channel_state",
        ),
        IndexModel(
            [("provider_message_id", ASCENDING)],
            name="provider_message",
            partialFilterExpression={"provider_message_id": {"$type": "string"}},
        ),
    ],
    UNMATCHED_EVENTS: [
        IndexModel([("due_at", ASCENDING)], name="due"),
        IndexModel([("received_at", ASCENDING)], name="ttl", expireAfterSeconds=UNMATCHED_SECONDS),
    ],
}
