"""How near what was heard is to what should have been said. Words are compared, not letters or marks."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from rapidfuzz.distance import Indel, Levenshtein

from utils.decimals import ONE, ZERO

INSIDE: Final = "'\u2019"
SEQUENCE: Final = Decimal("0.7")
OVERLAP: Final = Decimal("0.3")


def words(text: str) -> list[str]:
    """Return the words of a text without case, accents of typography and punctuation."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    kept = (char if char.isalnum() or char in INSIDE or _is_mark(char) else " " for char in folded)
    return [word.strip("'") for word in "".join(kept).split() if word.strip("'")]


def word_error_rate(wanted: Sequence[str], heard: Sequence[str]) -> Decimal:
    """Return (substituted + missing + added words) / wanted words."""
    if not wanted:
        return ONE if heard else ZERO
    return Decimal(Levenshtein.distance(list(wanted), list(heard))) / len(wanted)


def word_accuracy(wanted: str, heard: str) -> Decimal:
    """Return 1 - WER, not below 0."""
    return max(ZERO, ONE - word_error_rate(words(wanted), words(heard)))


def similarity(wanted: str, heard: str) -> Decimal:
    """Return 0.7 of the sequence ratio of the letters and 0.3 of the part of wanted words that were heard."""
    wanted_words, heard_words = words(wanted), words(heard)
    if not wanted_words or not heard_words:
        return ZERO
    one, other = " ".join(wanted_words), " ".join(heard_words)
    length = len(one) + len(other)
    ratio = Decimal(length - Indel.distance(one, other)) / length
    shared = sum((Counter(wanted_words) & Counter(heard_words)).values())
    return SEQUENCE * ratio + OVERLAP * Decimal(shared) / len(wanted_words)


def over(threshold: Decimal | None, value: Decimal) -> Decimal:
    """Return the value; with a threshold 1 for what reaches it, 0 for what does not."""
    if threshold is None:
        return value
    return ONE if value >= threshold else ZERO


def _is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("M")
