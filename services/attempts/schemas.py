"""What clients send and get while they sit."""

from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    model_validator,
)

from services.attempts.documents import Attempt, AttemptState, EventKind
from services.attempts.receipts import Receipt, Stored
from services.attempts.repository import Kept
from services.results.schemas import ResultOut

MOST_ANSWERS: Final = 100
MOST_EVENTS: Final = 50
HIGHEST_SEQ: Final = 2**53 - 1  # what every client can count to
SlotName = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,3}$")]


class SlotAnswer(BaseModel):
    """``seq`` counts the answers of this attempt, from whatever device: a higher one is newer."""

    model_config = ConfigDict(extra="forbid", strict=True)

    slot: SlotName
    seq: int = Field(ge=0, le=HIGHEST_SEQ)
    response: dict[str, Any]


class AnswersPut(BaseModel):
    model_config = ConfigDict(extra="forbid")

    answers: Annotated[list[SlotAnswer], Field(min_length=1, max_length=MOST_ANSWERS)]

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        if len({one.slot for one in self.answers}) != len(self.answers):
            raise ValueError("answers name a slot twice: send the newest answer of each")
        return self


class Ack(BaseModel):
    """``seq`` is that of what is stored: what you sent, or something newer, or what was checked before."""

    slot: str
    seq: int


class SavedOut(BaseModel):
    """What was acknowledged of attempts to save: ``receipt`` proves it."""

    acks: list[Ack]
    server_time: datetime
    deadline: datetime
    receipt: str


class SavedAnswer(BaseModel):
    slot: str
    seq: int
    response: dict[str, Any]


class PlayedOut(BaseModel):
    """How often what a slot lets be heard was played; ``left`` is null where it may be played for ever."""

    slot: str
    played: int
    left: int | None


class PaperOut(BaseModel):
    """``sections``: ``[{title, slots: [{slot, type, stem, …}]}]``; none once the attempt is closed."""

    sections: list[dict[str, Any]]


class AttemptOut(BaseModel):
    """An attempt as whoever sits it sees it. ``receipt`` covers all of ``saved``.

    ``plays``: of every slot that lets something be heard; none once the attempt is closed.
    """

    id: str
    test_id: str
    number: int
    state: AttemptState
    started_at: datetime
    deadline: datetime
    server_time: datetime
    submitted_at: datetime | None
    paper: PaperOut
    saved: list[SavedAnswer]
    plays: list[PlayedOut] = []
    receipt: str

    _found: bool = PrivateAttr(default=False)

    @property
    def found(self) -> bool:
        """Whether it was there already when somebody wanted to begin it."""
        return self._found

    def noted(self, *, found: bool) -> Self:
        """Return this, knowing whether it was there already."""
        self._found = found
        return self


class SubmitOut(BaseModel):
    """``receipt`` covers every answer that counts. ``result`` is there for practice, or after its release."""

    state: AttemptState
    submitted_at: datetime
    receipt: str
    result: ResultOut | None


class EventIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: EventKind
    slot: SlotName | None = None
    seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None


class EventsIn(BaseModel):
    """What happened since the last report. None: only that the client is there."""

    model_config = ConfigDict(extra="forbid")

    events: Annotated[list[EventIn], Field(max_length=MOST_EVENTS)]


class EventsOut(BaseModel):
    """``recorded``: how many of the events; an attempt keeps a limited number."""

    recorded: int
    server_time: datetime
    deadline: datetime


class ReceiptQuery(BaseModel):
    """``receipt``: one that you hold, to be checked."""

    model_config = ConfigDict(extra="forbid")

    receipt: Annotated[str, StringConstraints(max_length=3_800)] | None = None


class Held(BaseModel):
    """``state`` of what a receipt names: ``stored``, ``superseded`` by a later answer, or ``missing``."""

    slot: str
    seq: int
    state: str


class Checked(BaseModel):
    """Whether a receipt is ours and of this attempt; if so, when it was given, and what became of it."""

    valid: bool
    key_id: str | None = None
    given_at: datetime | None = None
    answers: list[Held] = []


class DigestOut(BaseModel):
    slot: str
    seq: int
    digest: str


class ReceiptOut(BaseModel):
    """What is stored of an attempt now, with a receipt for all of it; and what one to be checked is worth."""

    attempt_id: str
    state: AttemptState
    server_time: datetime
    key_id: str
    receipt: str
    answers: list[DigestOut]
    checked: Checked | None


def acks_of(kept: Kept) -> list[Ack]:
    """Return what is acknowledged."""
    return [Ack(slot=slot, seq=seq) for slot, (seq, _) in kept.newest.items()]


def stored_of(attempt: Attempt) -> list[Stored]:
    """Return what an attempt has, as receipts name it."""
    return [Stored(slot, one.seq, one.digest) for slot, one in attempt.answers.items()]


def checked(receipt: Receipt | None, attempt: Attempt, whole: Stored) -> Checked:
    """Return what a receipt of an attempt is worth."""
    if receipt is None:
        return Checked(valid=False)
    held = [Held(slot=one.slot, seq=one.seq, state=_state(one, attempt, whole)) for one in receipt.stored]
    return Checked(valid=True, key_id=receipt.key_id, given_at=receipt.at, answers=held)


def _state(one: Stored, attempt: Attempt, whole: Stored) -> str:
    if one.slot == whole.slot:
        return "stored" if one == whole else "superseded"
    there = attempt.answers.get(one.slot)
    if there is None or there.seq < one.seq:
        return "missing"
    if there.seq > one.seq:
        return "superseded"
    return "stored" if there.digest == one.digest else "missing"
