"""Rules for chosen options. Each returns the fraction of the mark; for nothing chosen always 0."""

from collections.abc import Mapping, Set
from decimal import Decimal
from typing import TypeAlias

from utils.decimals import ONE, ZERO

Ids: TypeAlias = Set[str]
FEW: Decimal = Decimal("0.001")  # 33.333 % three times is meant to be all


def clamped(value: Decimal, lower: Decimal = ZERO, upper: Decimal = ONE) -> Decimal:
    """Return the value, or the bound that it lies beyond."""
    return max(lower, min(upper, value))


def fraction(chosen: str | None, fractions: Mapping[str, Decimal], wrong: Decimal = ZERO) -> Decimal:
    """Return the fraction of the option; one without costs ``wrong``."""
    if chosen is None:
        return ZERO
    return fractions.get(chosen) or -wrong


def formula(right: bool | None, options: int) -> Decimal:
    """Return 1, or what a wrong one of so many options costs so that guesses earn nothing; None is blank."""
    if right is None:
        return ZERO
    return ONE if right else -ONE / (options - 1)


def all_or_nothing(chosen: Ids, right: Ids) -> Decimal:
    """Return 1 for exactly the right options."""
    return ONE if chosen and chosen == right else ZERO


def option_fractions(chosen: Ids, fractions: Mapping[str, Decimal]) -> Decimal:
    """Return the sum of the options' fractions, between 0 and 1. Thirds that nearly make 1 make 1."""
    positive = sum((value for value in fractions.values() if value > 0), ZERO)
    total = sum((fractions.get(one, ZERO) for one in sorted(chosen)), ZERO)
    return clamped(total / positive if abs(positive - 1) < FEW else total)


def right_minus_wrong(chosen: Ids, right: Ids) -> Decimal:
    """Return (right ones - wrong ones) / all right ones, not below 0."""
    return clamped(Decimal(len(chosen & right) - len(chosen - right)) / len(right))


def proportional(chosen: Ids, right: Ids, options: int) -> Decimal:
    """Return the part of options that were decided correctly: chosen and right, or left and wrong."""
    return Decimal(_correct(chosen, right, options)) / options if chosen else ZERO


def proportional_minus(chosen: Ids, right: Ids, options: int) -> Decimal:
    """Return (correct decisions - wrong ones) / options, not below 0."""
    correct = _correct(chosen, right, options)
    return clamped(Decimal(2 * correct - options) / options) if chosen else ZERO


def mapped(chosen: Ids, values: Mapping[str, Decimal], lower: Decimal, upper: Decimal) -> Decimal:
    """Return the sum of the options' values within the bounds."""
    if not chosen:
        return ZERO
    return clamped(sum((values.get(one, ZERO) for one in sorted(chosen)), ZERO), lower, upper)


def _correct(chosen: Ids, right: Ids, options: int) -> int:
    return options - len(chosen ^ right)
