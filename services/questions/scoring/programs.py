"""What a program earns: the weight of the cases that it passed. Only our own runner's verdicts count."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from utils.decimals import ZERO

HALF: Final = Decimal("0.5")


class Verdict(StrEnum):
    """Accepted, wrong answer, time or memory limit exceeded, runtime error, does not compile."""

    ACCEPTED = "AC"
    WRONG_ANSWER = "WA"
    TIME_LIMIT = "TLE"
    MEMORY_LIMIT = "MLE"
    RUNTIME_ERROR = "RE"
    COMPILE_ERROR = "CE"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case went. A ``slow`` one was right and took longer than the case's time."""

    weight: Decimal
    verdict: Verdict
    slow: bool = False

    @property
    def earned(self) -> Decimal:
        """The weight that counts."""
        if self.verdict is not Verdict.ACCEPTED:
            return ZERO
        return self.weight * HALF if self.slow else self.weight


def weighted_cases(results: Sequence[CaseResult]) -> Decimal:
    """Return the weight earned / the whole weight. Cases of weight 0 are samples."""
    total = sum((result.weight for result in results), ZERO)
    return sum((result.earned for result in results), ZERO) / total if total else ZERO
