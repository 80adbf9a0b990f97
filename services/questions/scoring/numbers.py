"""Numbers as people type them, and how far from the key they may be."""

import re
import unicodedata
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Final

from services.questions.parts import NumericAnswer, Tolerance
from utils.decimals import MOST_EXPONENT, ZERO

TYPED: Final = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?")
MINUS: Final = str.maketrans({"\u2212": "-", "\u2013": "-", "\u00a0": " ", "\u202f": " "})
PRECISE: Final = 60


def read_number(text: str, *, decimal_comma: bool = False, unit: str | None = None) -> Decimal | None:
    """Return the number in an answer, None if it is none. A comma counts only where the locale says so."""
    plain = text.translate(MINUS).strip()
    if unit:
        plain = _without(plain, unit)
    if decimal_comma and "." not in plain and plain.count(",") == 1:
        plain = plain.replace(",", ".")
    if not TYPED.fullmatch(plain):
        return None
    number = Decimal(plain)
    return number if abs(number.adjusted()) <= MOST_EXPONENT else None


def _without(plain: str, unit: str) -> str:
    """Return the text before its unit, which Unicode may write in several ways: ohm or omega, micro or mu."""
    wanted = unicodedata.normalize("NFKC", unit)
    for length in range(1, len(wanted) + 1):
        if unicodedata.normalize("NFKC", plain[-length:]) == wanted:
            return plain[:-length].rstrip()
    return plain


def within(given: Decimal, key: Decimal, tolerance: Tolerance) -> bool:
    """Tell whether a number is near enough to the key."""
    with localcontext(prec=PRECISE):
        match tolerance.kind:
            case "nominal":
                return abs(given - key) <= tolerance.value
            case "relative":
                return abs(given - key) <= abs(key) * tolerance.value
            case "geometric":
                return _between(given, key / (1 + tolerance.value), key * (1 + tolerance.value))
            case "range":
                return (tolerance.low or ZERO) <= given <= (tolerance.high or ZERO)
        digits = int(tolerance.value)
        return _significant(given, digits) == _significant(key, digits)


def tolerated(given: Decimal, answers: Sequence[NumericAnswer]) -> Decimal:
    """Return the best fraction among the answers that the number is near enough to."""
    fits = (answer.fraction for answer in answers if within(given, answer.value, answer.tolerance))
    return max(fits, default=ZERO)


def _between(given: Decimal, one: Decimal, other: Decimal) -> bool:
    return min(one, other) <= given <= max(one, other)  # below zero the larger factor is the smaller number


def _significant(number: Decimal, digits: int) -> Decimal:
    if number == 0:
        return ZERO
    return number.quantize(Decimal(1).scaleb(number.adjusted() - digits + 1), rounding=ROUND_HALF_UP)
