"""What may be uploaded for what, as data; and whether bytes are what they say they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import puremagic

from config.constants import MAX_UPLOAD_BYTES

LOOKED_AT: Final = 4096  # bytes at the beginning that decide

# What the library calls the bytes of each type that we take.
LOOKS_LIKE: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "image/png": frozenset({"image/png"}),
        "image/jpeg": frozenset({"image/jpeg"}),
        "image/gif": frozenset({"image/gif"}),
        "image/webp": frozenset({"image/webp"}),
        "audio/mpeg": frozenset({"audio/mpeg"}),
        "audio/mp4": frozenset({"audio/mp4"}),
        "audio/ogg": frozenset({"audio/ogg", "application/ogg"}),
        "audio/wav": frozenset({"audio/wave", "audio/x-wav"}),
        "audio/webm": frozenset({"video/webm", "application/x-matroska"}),
    }
)
IMAGES: Final = frozenset(name for name in LOOKS_LIKE if name.startswith("image/"))
AUDIO: Final = frozenset(LOOKS_LIKE) - IMAGES


class Purpose(StrEnum):
    """What a file is for. An area that takes another kind of file adds it here and to ``ALLOWED``."""

    QUESTION_MEDIA = "question_media"
    RECORDING = "recording"


@dataclass(frozen=True, slots=True)
class Allowed:
    """Content types, and the most bytes."""

    content_types: frozenset[str]
    most_bytes: int


ALLOWED: Final[Mapping[Purpose, Allowed]] = MappingProxyType(
    {
        Purpose.QUESTION_MEDIA: Allowed(IMAGES | AUDIO, MAX_UPLOAD_BYTES),
        Purpose.RECORDING: Allowed(AUDIO, MAX_UPLOAD_BYTES),
    }
)


def looks_like(content_type: str, beginning: bytes) -> bool:
    """Tell whether a file that begins so may be of this type."""
    try:
        guesses = puremagic.magic_string(beginning)
    except puremagic.PureError:
        return False
    return not LOOKS_LIKE.get(content_type, frozenset()).isdisjoint(guess.mime_type for guess in guesses)
