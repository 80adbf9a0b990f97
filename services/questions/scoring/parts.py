"""Rules for answers of several parts: pairs, blanks, places in an order. Each returns the fraction."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise

from utils.decimals import ONE, ZERO


def parts(earned: Iterable[Decimal]) -> Decimal:
    """Return what the parts earned on average, each between 0 and 1."""
    values = list(earned)
    return sum(values, ZERO) / len(values)


def whole(earned: Iterable[Decimal]) -> Decimal:
    """Return 1 if every part earned all."""
    return ONE if all(value == 1 for value in earned) else ZERO


def pairs(given: Mapping[str, str], key: Mapping[str, str]) -> list[Decimal]:
    """Return 1 for each pair that is right."""
    return [ONE if given.get(left) == right else ZERO for left, right in key.items()]


def places(given: Sequence[str], key: Sequence[str]) -> list[Decimal]:
    """Return 1 for each item in its place."""
    return [ONE if given[place : place + 1] == [item] else ZERO for place, item in enumerate(key)]


def exact(given: Sequence[str], key: Sequence[str]) -> Decimal:
    """Return 1 for the whole order."""
    return ONE if list(given) == list(key) else ZERO


def adjacent_pairs(given: Sequence[str], key: Sequence[str]) -> Decimal:
    """Return the part of neighbours that follow each other as they should."""
    wanted = set(pairwise(key))
    found = wanted & set(pairwise(given))
    return Decimal(len(found)) / len(wanted)
