"""What is right: the keys of each type. They never leave but to authors, to scoring and into reviews."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Self, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from services.questions.parts import (
    Case,
    Fraction,
    NumericAnswer,
    Part,
    PartId,
    Rubric,
    Share,
    TextAnswer,
    full_mark_reachable,
)
from utils.decimals import ONE

Fractions = Annotated[dict[PartId, Fraction], Field(min_length=1, max_length=50)]


class SingleKey(Part):
    """The right option; or a fraction for each option that earns or costs something."""

    option: PartId | None = None
    fractions: Fractions | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.option is None) == (self.fractions is None):
            raise ValueError("name either option or fractions")
        full_mark_reachable(self.values.values())
        return self

    @property
    def values(self) -> Mapping[str, Decimal]:
        """The fraction of each option that has one."""
        return self.fractions or {str(self.option): ONE}


class MultipleKey(Part):
    """The right options; or a fraction for each option that earns or costs something."""

    options: Annotated[tuple[PartId, ...], Field(min_length=1, max_length=50)] | None = None
    fractions: Fractions | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.options is None) == (self.fractions is None):
            raise ValueError("name either options or fractions")
        if not self.right:
            raise ValueError("one of the options must be right")
        return self

    @property
    def right(self) -> frozenset[str]:
        """The options that are right."""
        if self.options is not None:
            return frozenset(self.options)
        return frozenset(part_id for part_id, value in (self.fractions or {}).items() if value > 0)


class TrueFalseKey(Part):
    value: bool


class NumericKey(NumericAnswer):
    """The right number. ``others`` are accepted too, each for its fraction; the best that fits counts."""

    others: Annotated[tuple[NumericAnswer, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        full_mark_reachable(answer.fraction for answer in self.answers)
        return self

    @property
    def answers(self) -> tuple[NumericAnswer, ...]:
        """Everything that is accepted."""
        return (self, *self.others)


class ShortTextKey(Part):
    answers: Annotated[tuple[TextAnswer, ...], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        full_mark_reachable(answer.fraction for answer in self.answers)
        return self


class MatchingKey(Part):
    """``pairs`` leads from each left part to its right one."""

    pairs: Annotated[dict[PartId, PartId], Field(min_length=1, max_length=50)]


class OrderingKey(Part):
    order: Annotated[tuple[PartId, ...], Field(min_length=2, max_length=50)]


def _meant(key: Any) -> str | None:
    """Return which kind of key is meant: each has a field that no other has."""
    names = set(key) if isinstance(key, dict) else getattr(key, "model_fields_set", set())
    kinds = {"answers": "<short_text>", "value": "<numeric>", "option": "<single>", "fractions": "<single>"}
    return next((kind for name, kind in kinds.items() if name in names), None)


BlankKey: TypeAlias = Annotated[
    Annotated[ShortTextKey, Tag("<short_text>")]
    | Annotated[NumericKey, Tag("<numeric>")]
    | Annotated[SingleKey, Tag("<single>")],
    Discriminator(
        _meant,
        custom_error_type="blank_key",
        custom_error_message="must hold answers (of a short text), value (of a number), option or fractions",
    ),
]


class ClozeKey(Part):
    blanks: Annotated[dict[PartId, BlankKey], Field(min_length=1, max_length=50)]


class EssayKey(Part):
    rubric: Rubric = ()


class SpokenKey(Part):
    rubric: Rubric = ()
    threshold: Share | None = None


class CodeKey(Part):
    cases: Annotated[tuple[Case, ...], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _weighs(self) -> Self:
        if not any(case.weight for case in self.cases):
            raise ValueError("one of the cases must have a weight")
        return self
