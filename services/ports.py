"""What the domain needs from outside, as protocols. Adapters live in integrations/ and utils/."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias

from pydantic import BaseModel

from utils.scope import Scope

SHORT_WINDOW_SECONDS: Final = 60.0
JSON: TypeAlias = "str | int | float | bool | Sequence[JSON] | Mapping[str, JSON] | None"


# --- messages ---------------------------------------------------------------------------------------------


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    INBOX = "inbox"  # inside the product, for whoever has logged in


# Where a link may go by which somebody logs in for the first time: the inbox opens only afterwards.
LinkChannel: TypeAlias = Literal[Channel.EMAIL, Channel.SMS]


@dataclass(frozen=True, slots=True)
class Message:
    """One rendered message to one address. ``html`` and ``subject`` are empty for an SMS.

    ``dlt_…``: under which ids India's register knows the text, for a provider that asks for them.
    """

    delivery_id: str
    channel: Channel
    to: str
    name: str
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(default="", repr=False)
    dlt_entity_id: str = ""
    dlt_template_id: str = ""


@dataclass(frozen=True, slots=True)
class SendUnit:
    """Messages of one provider call. ``key`` is a UUID: the same unit always carries the same key."""

    key: str
    channel: Channel
    messages: tuple[Message, ...]
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has every message of the unit. ``ids`` are its message ids, in the unit's order, if given.

    A repeated key that the provider already knows is Accepted too, without ids.
    """

    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider certainly took nothing, and will not take this unit as it is (a wrong address, say)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Busy:
    """The provider certainly took nothing; the same unit may be tried again after ``retry_after`` seconds.

    ``throttled``: it says that we are too fast (429), which is true of every call of the channel.
    """

    reason: str
    retry_after: float | None = None
    throttled: bool = False


@dataclass(frozen=True, slots=True)
class Blocked:
    """The account cannot send at all now (401, 402): every unit of the channel has to wait for a person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The provider may or may not have the messages (timeout, 5xx, dropped connection)."""

    reason: str


SendOutcome: TypeAlias = Accepted | Refused | Busy | Blocked | Ambiguous


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``calls`` in any ``seconds``, of which ``burst`` may come at once."""

    name: str
    calls: int
    seconds: float
    burst: int

    @property
    def interval(self) -> float:
        """Seconds between two calls once the burst is spent, so that no window holds more than ``calls``."""
        return self.seconds / (self.calls - self.burst)

    @property
    def short(self) -> bool:
        """Whether it bounds the rate of a moment, which a 429 is about; a long one is a stock."""
        return self.seconds <= SHORT_WINDOW_SECONDS

    @property
    def ahead(self) -> float:
        """How many seconds the calls made may be ahead of that rhythm."""
        return (self.burst - 1) * self.interval


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account may still send over a channel. ``credits`` is None where nothing is counted or told.

    ``usable``: the provider answers, knows the account, and something is left.
    """

    usable: bool
    detail: str
    credits: float | None = None
    plan: str = ""


class MessageSender(Protocol):
    """Sends units over one channel. ``send`` does not raise for what the provider did: it tells."""

    channel: Channel
    provider: str
    account: str  # tells accounts of one provider apart, and nothing else
    limits: tuple[Limit, ...]  # of calls; none: as fast as we can
    unit_size: int  # most messages in one call
    repeat_seconds: (
        float  # how long after the first call the same unit may be repeated without a second effect; 0: never
    )
    confirms_delivery: bool  # True: Accepted means delivered (the outbox); False: delivered is told later

    def send(self, unit: SendUnit) -> SendOutcome:
        """Hand the unit over once."""

    def ready_in(self) -> float:
        """Return for how many seconds a call is known to come to nothing; 0: it is worth making."""

    def balance(self) -> Balance:
        """Ask the provider what may still be sent; within a few seconds, and never raises."""

    def status(self) -> Mapping[str, JSON]:
        """Return the adapter's state for people: provider, breaker, next try."""


EmailSender: TypeAlias = MessageSender
SMSSender: TypeAlias = MessageSender


class Outbox(Protocol):
    """Where messages lie on a machine without provider credentials."""

    def read(self, limit: int, before: int | None) -> tuple[Sequence[Mapping[str, JSON]], int | None]:
        """Return up to ``limit`` messages, newest first, and the cursor of the next page."""


# --- background work --------------------------------------------------------------------------------------


class Queue(StrEnum):
    """Where a durable job waits. Each queue has its own bound of jobs that run at once.

    What calls a provider has the queue of its channel: one that hangs holds up no other.
    """

    IMPORTS = "imports"
    MESSAGES = "messages"
    EMAIL = "email"
    SMS = "sms"
    INBOX = "inbox"
    FILES = "files"
    MARKING = "marking"
    EXAMS = "exams"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one durable job, until it lapses or is lost.

    ``fence`` grows with every claim: a write that carries an older fence is refused by the database.
    """

    job_id: str
    fence: int
    args: Mapping[str, JSON]
    attempt: int
    alive: Callable[[], bool]  # False once the lease may have lapsed or the process is asked to stop


@dataclass(frozen=True, slots=True)
class Done:
    """The job is finished."""


@dataclass(frozen=True, slots=True)
class Later:
    """The job wants to go on after ``seconds``. It burns no attempt: the job is fine."""

    seconds: float


JobResult: TypeAlias = Done | Later
JobHandler: TypeAlias = Callable[[Lease], JobResult]
DeadHandler: TypeAlias = Callable[[Mapping[str, JSON], str], None]


class JobEngine(Protocol):
    """Runs durable jobs somewhere. MongoDB holds the truth, whatever the engine.

    ``fair`` says whose turn a job takes: parts from wide to narrow between slashes, such as a campus and a
    batch job. At every level whoever has had least is next, so that nobody's thousand jobs hold up another's
    one. Left out, all jobs of one name share their turns. ``priority`` (-3 to 3) doubles the share with each
    step and starves nobody. ``group`` names jobs that are held, freed and dropped together.
    """

    def submit(
        self,
        job: str,
        args: Mapping[str, JSON],
        *,
        queue: Queue,
        key: str,
        group: str | None = None,
        fair: str | None = None,
        priority: int = 0,
        run_at: datetime | None = None,
    ) -> None:
        """Store a job in the ambient transaction; it runs after commit. A known ``key`` is the same job."""

    def submit_many(
        self,
        job: str,
        many: Sequence[tuple[str, Mapping[str, JSON]]],
        *,
        queue: Queue,
        group: str | None = None,
        fair: str | None = None,
        priority: int = 0,
        run_at: datetime | None = None,
    ) -> None:
        """Store many jobs as ``(key, args)`` at once."""

    def hold(self, group: str) -> int:
        """Let no waiting job of the group begin until ``free``; return how many wait now.

        Those that run are left alone: their handlers look at what the group stands for. What they give back,
        and what is submitted later, is not held.
        """

    def free(self, group: str) -> int:
        """Let the held jobs of a group begin; return how many there were."""

    def park(self, lease: Lease) -> bool:
        """Hold a job that runs until its group is freed; False if the lease was lost.

        For a handler that sees that its group is held: in one transaction with the look, so that ``free``
        cannot pass between the two. Whatever it returns then counts for nothing.
        """

    def drop(self, group: str) -> Sequence[str]:
        """End every job of the group that waits or is held, without running it; return their keys."""

    def wake(self, queue: Queue) -> None:
        """Look for work now instead of at the next tick."""


# --- between processes ------------------------------------------------------------------------------------


class Bus(Protocol):
    """Tells every process something at once. A message may be lost: it only hastens what is true anyway.

    Whoever publishes hears it too, before ``publish`` returns; the others a moment later, in any order.
    """

    def publish(self, topic: str, payload: Mapping[str, JSON]) -> None:
        """Tell everybody who has subscribed to the topic; never blocks on a broker and never raises."""

    def subscribe(self, topic: str, hear: Callable[[Mapping[str, JSON]], None]) -> None:
        """Call ``hear`` with every payload of the topic, from any process; it has to be quick."""

    def on_gap(self, call: Callable[[], None]) -> None:
        """Call ``call`` when this process hears again after it may have missed something."""

    def status(self) -> Mapping[str, JSON]:
        """Return the state for people; ``hears`` is false while what others say is lost on this process."""


class Cache(Protocol):
    """Remembers what was loaded, in this process and for all others, and never serves what is out of date.

    A change is seen by the process that made it at once and by every other within a second, with or without
    a broker. Keys are made of the scope (``services/freshness/shelf.py``).
    """

    def read(
        self, key: str, tags: Sequence[str], load: Callable[[], bytes | None], seconds: float | None = None
    ) -> bytes | None:
        """Return what ``load`` returns, now or when it was last asked; None (not there) is remembered too.

        ``tags`` name what it depends on. Among many that ask at once, one loads. In a transaction all do.
        After ``seconds`` (a setting, where it is left out) it is loaded anew, changed or not.
        """

    def invalidate(self, *tags: str) -> None:
        """Put whatever depends on one of these tags out of date, as part of the open transaction."""

    def invalidate_pattern(self, pattern: str) -> None:
        """Put whatever depends on a tag like ``prefix:*`` out of date, or with ``*`` everything."""

    def shrink(self, share: float) -> int:
        """Give memory back: forget a share of what this process remembers; return how many entries."""

    def figures(self) -> Mapping[str, int | float | str]:
        """Return entries, bytes, hits, misses, evictions and the state of what is shared."""


# --- progress, files --------------------------------------------------------------------------------------


class ProgressFeed(Protocol):
    """Pushes a typed event to whoever watches a room, in every process."""

    def publish(self, room: str, event: str, payload: BaseModel) -> None:
        """Emit one event; never blocks and never raises for want of a broker."""


@dataclass(frozen=True, slots=True)
class FileLink:
    """One request that moves one file's bytes past the server, with these headers, until it expires."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str]
    expires_at: datetime


class FileStore(Protocol):
    """Keeps files under keys that we choose. Raises Unavailable while it cannot be reached."""

    def put(self, key: str, content: bytes) -> None:
        """Store a file durably; the same key replaces."""

    def local(self, key: str) -> AbstractContextManager[Path]:
        """Lend a path to read the file from, while the block runs; raises FileNotFoundError."""

    def size(self, key: str) -> int | None:
        """Return how many bytes a file has; None when there is none."""

    def beginning(self, key: str, length: int) -> bytes:
        """Return the first bytes of a file, at most ``length``; raises FileNotFoundError."""

    def move(self, source: str, target: str) -> None:
        """Take what lies under ``source`` to ``target``; raises FileNotFoundError. It may be done again."""

    def delete(self, key: str) -> None:
        """Remove a file; a missing one is fine."""

    def keys_before(self, prefix: str, before: datetime) -> Iterator[str]:
        """Yield the keys under ``prefix`` whose bytes were stored before then."""

    def check(self) -> "Health":
        """Ask whether it is there and lets us in, now; never raises for its faults."""

    def upload_link(self, key: str, content_type: str, size: int, seconds: int) -> FileLink:
        """Return a link that stores exactly so many bytes of this type under ``key``."""

    def download_link(self, key: str, name: str, content_type: str, /, seconds: int) -> FileLink:
        """Return a link that downloads the file as an attachment called ``name``."""


class SignedFiles(Protocol):
    """A FileStore on this server: its links lead back to us."""

    def is_signed(self, method: str, key: str, expires: int, signature: str) -> bool:
        """Tell whether a link to this file is ours and still good."""

    def put(self, key: str, content: bytes) -> None:
        """Store a file durably."""

    def local(self, key: str) -> AbstractContextManager[Path]:
        """Lend the path of a file."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a scanner found: a ``fault`` that people read, or nothing. ``scanned``: somebody has looked."""

    fault: str | None = None
    scanned: bool = True


class FileScanner(Protocol):
    """Looks for what must not be handed on: a virus, say."""

    def scan(self, path: Path, /) -> Verdict:
        """Return what is wrong with the file."""


class TokenRevocations(Protocol):
    """Hears that somebody's rights or sessions changed, so that caches and sockets follow at once."""

    def changed(self, user_id: str) -> None:
        """Forget what is cached about this person."""


class OrganisationLookup(Protocol):
    """Answers for the campuses area, which comes after the accounts."""

    def hold_campus(self, scope: Scope, campus_id: str) -> bool:
        """Tell whether this is a campus of the scope; it then stays until the open transaction ends."""

    def hold_courses(self, scope: Scope, campus_id: str, course_ids: Sequence[str]) -> bool:
        """Tell whether all these are courses of this campus and the scope; they then stay as well."""

    def campus_name(self, campus_id: str) -> str | None:
        """Return what a campus is called, for the check that no password is made of it."""


class Dependants(Protocol):
    """Answers for a later area: how much of it depends on a row of an earlier one."""

    def counts(self, kind: str, row_id: str, campus_id: str) -> Mapping[str, int]:
        """Return what depends on the campus, course, batch, instance or student (``kind``), by name."""


@dataclass(frozen=True, slots=True)
class Health:
    """One dependency's state as ``/health/ready`` shows it."""

    name: str
    ok: bool
    detail: str = ""
    extra: Mapping[str, JSON] = field(default_factory=dict)


# --- one person's data ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """Whose data is meant, by everything that others may have noted them under."""

    id: str
    campus_id: str | None
    username: str
    mobile_number: str | None = None

    @property
    def alias(self) -> str:
        """What they are called once they are anonymous: the same every time."""
        return f"anonymous-{self.id}"


class PersonalData(Protocol):
    """Answers for an area: what it keeps of a person, and how that stops naming them.

    ``collections`` are those of the area with anything personal in them; the rest is listed, with reasons,
    in ``tests/services/persons``.
    """

    collections: frozenset[str]

    def of_person(self, scope: Scope, person: Person) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return every row about the person by collection, without secrets."""

    def anonymise(self, scope: Scope, person: Person) -> None:
        """Put the alias in the place of what names them, in the open transaction; twice is as once."""
