"""From fractions to marks, and from attempts to a grade. Nothing is rounded here: that is for display."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final

from utils.decimals import ZERO

# By how sure somebody says to be, 1 to 3: what is earned when right, and lost when wrong.
CERTAIN_RIGHT: Final = {1: Decimal(1), 2: Decimal(2), 3: Decimal(3)}
CERTAIN_WRONG: Final = {1: ZERO, 2: Decimal(-2), 3: Decimal(-6)}
MOST_CERTAIN: Final = max(CERTAIN_RIGHT.values())


class GradeMethod(StrEnum):
    HIGHEST = "highest"
    MEAN = "mean"
    FIRST = "first"
    LAST = "last"


def with_certainty(fraction: Decimal, certainty: int) -> Decimal:
    """Return what an answer is worth to somebody who is so sure: a partly right one its part."""
    return fraction * CERTAIN_RIGHT[certainty] if fraction > 0 else CERTAIN_WRONG[certainty]


def with_penalty(fraction: Decimal, penalty: Decimal | None) -> Decimal:
    """Return the fraction with a test's own price of a wrong answer in place of the question's."""
    return -penalty if penalty is not None and fraction <= 0 else fraction


def total(marks: Sequence[Decimal], floor: Decimal | None = None) -> Decimal:
    """Return the sum, not below the floor that a test may set."""
    found = sum(marks, ZERO)
    return found if floor is None else max(floor, found)


def grade(marks: Sequence[Decimal], method: GradeMethod) -> Decimal | None:
    """Return what attempts, in the order in which they were begun, come to; None without any."""
    if not marks:
        return None
    match method:
        case GradeMethod.HIGHEST:
            return max(marks)
        case GradeMethod.MEAN:
            return sum(marks, ZERO) / len(marks)
        case GradeMethod.FIRST:
            return marks[0]
    return marks[-1]
