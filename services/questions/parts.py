"""What questions are made of: texts, ids, options, numbers. Shared by all types."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.questions.markup import cleaned
from utils.decimals import ONE, ZERO, Amount, Number

LONGEST: Final = 20_000


class QuestionType(StrEnum):
    SINGLE = "single"
    MULTIPLE = "multiple"
    TRUE_FALSE = "true_false"
    NUMERIC = "numeric"
    SHORT_TEXT = "short_text"
    MATCHING = "matching"
    ORDERING = "ordering"
    CLOZE = "cloze"
    PASSAGE_SET = "passage_set"
    LISTENING_SET = "listening_set"
    ESSAY = "essay"
    SPOKEN = "spoken"
    CODE = "code"


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


PartId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
FileId = Annotated[str, StringConstraints(min_length=1, max_length=64)]
MaybeText = Annotated[str, StringConstraints(max_length=LONGEST), AfterValidator(cleaned)]
Text = Annotated[MaybeText, AfterValidator(_not_empty)]
Verbatim = Annotated[str, StringConstraints(max_length=LONGEST)]  # what programs read, blanks included
Mark = Annotated[Amount, Field(gt=0, le=1000)]
Fraction = Annotated[Amount, Field(ge=-1, le=1)]
Share = Annotated[Amount, Field(ge=0, le=1)]
Weight = Annotated[Amount, Field(ge=0, le=1000)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Part):
    """A body or key without anything in it."""


class Choice(Part):
    id: PartId
    text: Text


class Option(Choice):
    """One to choose. A pinned one keeps its place when options are shuffled."""

    pinned: bool = False


class Tolerance(Part):
    """How far from the value an answer may be.

    ``nominal``: ±value. ``relative``: value (1 ± t). ``geometric``: from value / (1 + t) to value (1 + t).
    ``range``: from ``low`` to ``high``. ``digits``: equal in this many significant digits.
    """

    kind: Annotated[str, StringConstraints(pattern="^(nominal|relative|geometric|range|digits)$")] = "nominal"
    value: Number = ZERO
    low: Number | None = None
    high: Number | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind == "range" and (self.low is None or self.high is None or self.low > self.high):
            raise ValueError("a range needs low and high, low not above high")
        if self.kind == "digits" and self.value not in range(1, 21):
            raise ValueError("significant digits are a whole number from 1 to 20")
        if self.value < 0:
            raise ValueError("value must not be negative")
        return self


class NumericAnswer(Part):
    value: Number
    tolerance: Tolerance = Tolerance()
    fraction: Share = ONE


class TextAnswer(Part):
    """An accepted answer; ``*`` stands for any characters, ``\\*`` for an asterisk."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    fraction: Share = ONE


class SampleCase(Part):
    input: Verbatim = ""
    output: Verbatim = ""


class Case(SampleCase):
    """What a program is run on. One of weight 0 is a sample."""

    weight: Weight = ONE
    time_ms: Annotated[int, Field(ge=1, le=60_000)] = 2_000
    hidden: bool = True


class Level(Part):
    text: Text
    points: Weight


class Criterion(Part):
    """One thing to look at when a person marks; its best level has the most points."""

    id: PartId
    text: Text
    levels: Annotated[tuple[Level, ...], Field(min_length=1, max_length=20)]


Rubric = Annotated[tuple[Criterion, ...], Field(max_length=30)]


def each_once(parts: Sequence[Choice] | Sequence[Criterion], what: str) -> None:
    """Raise ValueError where two parts have the same id."""
    if len({part.id for part in parts}) != len(parts):
        raise ValueError(f"two {what} have the same id")


def known(ids: Iterable[str], parts: Iterable[Any], what: str) -> None:
    """Raise ValueError for an id that none of the parts has."""
    there = {part.id for part in parts}
    for part_id in ids:
        if part_id not in there:
            raise ValueError(f"there is no {what} {part_id!r}")


def full_mark_reachable(fractions: Iterable[Decimal]) -> None:
    """Raise ValueError where no answer earns the whole mark."""
    if max(fractions, default=ZERO) != 1:
        raise ValueError('one of the answers must have the fraction "1"')
