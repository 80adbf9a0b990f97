"""What is known after a run: who uploaded what, what the database says, what left, who was killed when.

Plain data, so that the checker can be tested with evidence that was made up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from tests.faults.rosters import Roster

Row: TypeAlias = Mapping[str, Any]


class Victim(StrEnum):
    """What a strike hits. ``STARTER`` is start_local itself; ``READER`` the child that reads a roster.

    ``ASKED`` to ``RELOADED`` are told to end, as operators and platforms do: nothing may be lost with them.
    """

    WORKER = "worker"
    WORKERS = "all workers at once"
    MASTER = "master"
    STARTER = "starter"
    MONGOD = "mongod"
    READER = "roster reader"
    PAUSED = "worker stopped past its lease"
    ASKED = "server asked to stop"
    ASKED_WORKER = "worker asked to stop"
    RELOADED = "server reloaded"
    MONGOD_PAUSED = "mongod stood still"
    REDIS = "redis"
    REDIS_PAUSED = "redis stood still"
    REDIS_FLUSHED = "redis flushed"


@dataclass(frozen=True, slots=True)
class Strike:
    """One kill, or one stop from ``at`` to ``until``."""

    victim: Victim
    pid: int
    at: datetime
    until: datetime
    during: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that a person would have received: a line of the outbox, an effect at the provider."""

    delivery_id: str
    channel: str
    to: str


@dataclass(frozen=True, slots=True)
class Upload:
    """One roster and what the API says of it: ``first`` of its import, ``again`` of the same file later."""

    roster: Roster
    first: Row
    again: Row


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A batch job as GET shows it (counted now), as lists show it (kept), and its recipients by state."""

    shown: Row
    listed: Row
    recipients: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """What one worker process answers for itself."""

    pid: int
    status: int
    parts: Sequence[Row]


@dataclass(slots=True)
class Evidence:
    """Everything that the checker looks at."""

    channels: tuple[str, ...]
    uploads: list[Upload]
    students: list[Row]
    users: list[Row]
    identifiers: list[Row]
    links: list[Row]
    import_rows: list[Row]
    deliveries: list[Row]
    jobs: list[JobSeen]
    sent: list[Sent]
    unfinished: list[Row]
    leftovers: list[str]  # of readings of finished imports: files, rows that do not count
    workers: list[WorkerSeen]
    strikes: list[Strike] = field(default_factory=list)
    repeat_seconds: Mapping[str, float] = field(default_factory=dict)  # how long a channel may be repeated
    ambiguous: Mapping[str, str] = field(default_factory=dict)  # what the provider did, by delivery id
    refused: frozenset[str] = frozenset()  # addresses that the provider does not take
    cancelled: frozenset[str] = frozenset()  # jobs that were cancelled
    told: Mapping[str, str] = field(default_factory=dict)  # what the provider's callbacks say, by delivery id
