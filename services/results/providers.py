"""What marking needs from outside. Adapters live in integrations/."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from services.questions.content import AnyContent
from services.results.documents import CaseFound


@dataclass(frozen=True, slots=True)
class Program:
    """What a student wrote."""

    language: str
    source: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Trial:
    """One run: what the program reads, what it should print, and how long it may compute.

    Twice the time is the limit; what is right and took longer than the time itself is ``slow``.
    """

    input: str = field(repr=False)
    output: str = field(repr=False)
    time_ms: int


class RunnerAway(Exception):
    """The runner cannot run anything now, through no fault of the program. It may be asked again."""


class CodeRunner(Protocol):
    """Runs programs that somebody hostile may have written, where they can reach and break nothing."""

    @property
    def languages(self) -> frozenset[str]:
        """Those that it runs on this machine."""

    def run(self, program: Program, trials: Sequence[Trial], /) -> Iterator[CaseFound]:
        """Yield how each trial went, in order; each is run when it is asked for. Raises RunnerAway."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a provider made of an answer: a transcript of speech, a fraction; and how sure it is, 0 to 1."""

    confidence: Decimal
    fraction: Decimal | None = None
    transcript: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class OpenAnswer:
    """An essay (``text``) or a recording (``file_id``), with the question that it answers."""

    content: AnyContent = field(repr=False)
    text: str = field(default="", repr=False)
    file_id: str | None = None


class MarkingProvider(Protocol):
    """Looks at essays and recordings. What it says is a suggestion: a person can always say otherwise."""

    name: str

    def suggest(self, answer: OpenAnswer, /) -> Suggestion | None:
        """Return what it thinks; None where it has nothing to say. It never raises for its own faults."""
