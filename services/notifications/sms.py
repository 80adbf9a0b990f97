"""How many segments an SMS takes: what it costs, and whether the network will cut it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# 3GPP TS 23.038, the default alphabet and its extension table (each of the latter costs an escape as well).
GSM_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
GSM_SINGLE, GSM_PART = 160, 153
UCS_SINGLE, UCS_PART = 70, 67


class Encoding(StrEnum):
    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


@dataclass(frozen=True, slots=True)
class Segments:
    """``characters`` are units of the encoding: septets (GSM-7) or 16-bit units (UCS-2)."""

    encoding: Encoding
    characters: int
    segments: int


def sms_segments(text: str) -> Segments:
    """Return the encoding, length and segments of a text; no character is split between two segments."""
    if GSM_BASIC.union(GSM_EXTENSION).issuperset(text):
        costs = [2 if character in GSM_EXTENSION else 1 for character in text]
        return _segments(Encoding.GSM_7, costs, GSM_SINGLE, GSM_PART)
    costs = [2 if ord(character) > 0xFFFF else 1 for character in text]
    return _segments(Encoding.UCS_2, costs, UCS_SINGLE, UCS_PART)


def _segments(encoding: Encoding, costs: Iterable[int], single: int, part: int) -> Segments:
    costs = list(costs)
    total = sum(costs)
    if total <= single:
        return Segments(encoding, total, min(total, 1))
    segments, room = 1, part
    for cost in costs:
        if cost > room:
            segments, room = segments + 1, part
        room -= cost
    return Segments(encoding, total, segments)
