"""Short texts: what counts as the same, and answers with wildcards. No text makes it slow."""

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from services.questions.parts import TextAnswer
from services.questions.rules import TextComparison
from utils.decimals import ZERO

ACCENTS: Final = 200  # of combining classes: below are vowel signs and the like, which make another word
WILDCARD: Final = re.compile(r"(?<!\\)\*")


def normal(text: str, how: TextComparison) -> str:
    """Return the form in which two texts are the same."""
    text = unicodedata.normalize("NFC", text)
    if how.white_space != "exact":
        text = ("" if how.white_space == "ignore" else " ").join(text.split())
    if not how.case_matters:
        text = text.casefold()
    if not how.accents_matter:
        text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.combining(c) < ACCENTS)
    return unicodedata.normalize("NFC", text)


def matches(text: str, pattern: str, how: TextComparison) -> bool:
    """Tell whether a text is the accepted one; ``*`` in that stands for any characters."""
    given = normal(text, how)
    first, *others = (normal(piece.replace("\\*", "*"), how) for piece in _pieces(pattern, how))
    if not others:
        return given == first
    *inner, last = others
    if not given.startswith(first) or len(given) < len(first) + len(last) or not given.endswith(last):
        return False
    return _in_order(given[len(first) : len(given) - len(last)], inner)


def accepted(text: str, answers: Sequence[TextAnswer], how: TextComparison) -> Decimal:
    """Return the best fraction among the answers that the text is one of."""
    if not text.strip():
        return ZERO
    return max((one.fraction for one in answers if matches(text, one.text, how)), default=ZERO)


def _pieces(pattern: str, how: TextComparison) -> list[str]:
    """Return what stands between the wildcards; white space beside one is the wildcard's."""
    pieces = WILDCARD.split(pattern)
    return (
        pieces
        if how.white_space == "exact"
        else [piece.strip() if len(pieces) > 1 else piece for piece in pieces]
    )


def _in_order(text: str, pieces: Sequence[str]) -> bool:
    place = 0
    for piece in pieces:
        found = text.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    return True
