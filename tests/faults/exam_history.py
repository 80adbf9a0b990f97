"""What students did in an exam, as their clients know it, and what is known afterwards. Plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

Row: TypeAlias = Mapping[str, Any]


class Did(StrEnum):
    START = "start"
    SAVE = "save"
    READ = "read"
    SUBMIT = "submit"
    TAKE_OVER = "take over"


class Outcome(StrEnum):
    """``unknown``: no answer came, or one that says "later". It may have happened, or may happen yet."""

    OK = "ok"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Answer(NamedTuple):
    """What a client sent for one slot."""

    slot: str
    seq: int
    response: Mapping[str, Any]


@dataclass(slots=True)
class Deed:
    """One request of one client. Times are seconds of the machine's clock, which MongoDB reads, too."""

    did: Did
    student: str
    attempt: str
    client: str
    invoked_at: float
    answers: tuple[Answer, ...] = ()
    ended_at: float = 0.0
    outcome: Outcome = Outcome.UNKNOWN
    status: int = 0
    problem: str = ""
    reply: Row = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether it was acknowledged."""
        return self.outcome is Outcome.OK

    def __str__(self) -> str:
        sent = " ".join(f"{one.slot}:{one.seq}" for one in self.answers)
        when = f"[{self.invoked_at:.3f} to {self.ended_at:.3f}]"
        return f"{self.client} {self.did} {sent} {when} {self.outcome} {self.problem or self.status or ''}"


@dataclass(slots=True)
class ExamEvidence:
    """Everything that the checker looks at. ``stored`` and ``results`` are rows as MongoDB has them."""

    history: list[Deed]
    stored: list[Row]
    results: list[Row]
    right: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # the right response, by slot
    receipts: Sequence[tuple[Deed, bool]] = ()  # whether what came with an acknowledgement proves it
    grace: float = 5.0
