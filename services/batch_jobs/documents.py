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
DEAD_LETTERS: Final = "dead_letters"
TEMPLATE_VERSIONS: Final = "template_versions"
UNMATCHED_EVENTS: Final = "unmatched_events"
CHANNELS: Final = "channels"
PACES: Final = "paces"
QUOTAS: Final = "message_quotas"


class JobType(StrEnum):
    """What a batch job sends. An area that adds one registers its composer in ``main``."""

    CREDENTIALS = "credentials"
    NOTICE = "notice"
    TEMPLATE_TEST = "template_test"
    TEST_NOTIFICATION = "test_notification"
    TEST_REMINDER = "test_reminder"


class BatchJobState(StrEnum):
    """What a job does.

    - ``queued``: no message was tried yet; one with a ``start_at`` waits for it.
    - ``running``: messages are sent, or are about to be.
    - ``retryable``: the last try came to nothing and the next is some time away (the provider refuses the
      account, or is left alone after faults). It goes on by itself; the first success makes it ``running``.
    - ``paused``: nothing new is sent until somebody resumes it; then it is what it was.
    - ``completed``: no message is pending or sending. Some may have failed: see the counts.
    - ``cancelled``: nothing new is sent. It is finished when what was on its way has ended, too.
    - ``discarded``: finished, and every sub-batch was given up: each is a dead letter.

    ``finished_at`` says whether a job is finished. Retrying failed messages makes it ``running`` again.
    """

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
GOING: Final = (BatchJobState.QUEUED, BatchJobState.RUNNING, BatchJobState.RETRYABLE)
STOPPED: Final = (BatchJobState.PAUSED, BatchJobState.CANCELLED)
UNFINISHED: Final = (*GOING, BatchJobState.PAUSED)
FENCES_PER_ROUND: Final = 2**20
NEWEST_FENCE: Final = 2**31 - 1


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
    ``round`` counts how often messages of it were put back to be tried again. ``summarised_at``: its
    deliveries have outlived their time and its counts are final; ``emptied_at``: they are deleted.
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
    start_at: datetime | None = None
    started_at: datetime | None = None
    paused_from: BatchJobState | None = None
    round: int = 0
    finished_at: datetime | None = None
    announced_at: datetime | None = None
    summarised_at: datetime | None = None
    emptied_at: datetime | None = None


class SubBatch(Document):
    """At most 100 recipients over one channel: what a worker claims. Its engine job has the same id.

    ``round`` is the job's when it was made: a delivery that is tried again lies in a sub-batch of a later
    round, whose fences are all higher (``FENCES_PER_ROUND``): no worker of an earlier one can touch it.
    ``dropped``: its job was cancelled and nobody runs it, nor ever will.
    """

    job_id: str
    campus_id: str | None
    channel: Channel
    number: int
    round: int = 0
    done: bool = False
    dropped: bool = False
    given_up: bool = False


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
    """One message to one recipient over one channel, with its history.

    ``unit`` is the idempotency key of the provider call that carries it: deliveries with one key go out
    together, always the same ones in the same order, and a certain refusal is followed by new keys.
    ``reported`` is the rank of the furthest event that the provider told of (``events.py``), ``resends`` how
    often the message was sent anew because nobody knew about it.
    ``ended``: why nothing more may be sent after a call that was made already; where it took nothing, or
    nobody knows, that is the end.
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
    ended: str | None = None
    last_error: str | None = None
    history: tuple[dict[str, Any], ...] = ()
    created_at: datetime
    updated_at: datetime


class DeadLetter(Document):
    """A sub-batch that was given up after too many tries. ``deliveries``: how many it took along."""

    job_id: str
    job_type: JobType
    campus_id: str | None
    course_ids: tuple[str, ...]
    channel: Channel
    number: int
    reason: str
    deliveries: int
    discarded_at: datetime
    open: bool = True


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
_DISCARDED = ("discarded_at", DESCENDING)

INDEXES: Final[Mapping[str, list[IndexModel]]] = {
    CHANNELS: [],
    PACES: [],
    QUOTAS: [],
    BATCH_JOBS: [
        IndexModel([("campus_id", ASCENDING), _NEWEST], name="campus"),
        IndexModel([("campus_id", ASCENDING), ("state", ASCENDING), _NEWEST], name="campus_state"),
        IndexModel([("state", ASCENDING), _NEWEST], name="state"),
        IndexModel([("emptied_at", ASCENDING), ("finished_at", ASCENDING)], name="retention"),
    ],
    DEAD_LETTERS: [
        IndexModel([("open", ASCENDING), _DISCARDED, _NEWEST], name="open"),
        IndexModel([("campus_id", ASCENDING), ("open", ASCENDING), _DISCARDED, _NEWEST], name="campus_open"),
        IndexModel([("job_id", ASCENDING)], name="job"),
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
