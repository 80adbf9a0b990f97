"""Passwords: which may be chosen, how they are kept, and that checking one always costs the same."""

import base64
import hmac
import importlib
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Final

import bcrypt

from config.settings import Settings
from utils.offload import Offload
from utils.problems import Invalid

LONGEST: Final = 256
OWN_PART: Final = 8  # characters that are left when everything known about the person is taken away
FEWEST_DIFFERENT: Final = 5
SHORTEST_KNOWN_WORD: Final = 3
LOCAL_NUMBER: Final = 10


class WeakPassword(Invalid):
    """This password would be guessed early; ``errors`` says why and what to do."""

    title = "The password is too easy to guess"


class Passwords:
    """Hashes and checks passwords off the request's thread."""

    def __init__(self, settings: Settings, offload: Offload) -> None:
        self._pepper, self._rounds = settings.password_pepper.encode(), settings.bcrypt_rounds
        self._shortest, self._product = settings.password_min_length, settings.product_name
        self._strict, self._offload = settings.production, offload
        # Nobody's: the right shape and cost, so that an unknown user takes as long as a known one
        self._nobodys = bcrypt.gensalt(self._rounds) + b"." * 31

    @property
    def strict(self) -> bool:
        """Whether the rules for real people hold."""
        return self._strict

    @property
    def shortest(self) -> int:
        """How many characters a new password needs."""
        return self._shortest

    def require_strong(self, field: str, password: str, about: Sequence[str] = ()) -> None:
        """Raise WeakPassword for ``field`` unless the password may be chosen by the person of ``about``."""
        fault = weakness(password, self._shortest, (*about, self._product))
        if fault is not None:
            raise WeakPassword.field(field, fault)

    def hash(self, password: str) -> str:
        """Return what is stored."""
        salt = bcrypt.gensalt(self._rounds)
        return self._offload.run(bcrypt.hashpw, self._prepared(password), salt).decode()

    def matches(self, stored: str | None, password: str) -> bool:
        """Tell whether the password is right; never for an account without one, at the same cost."""
        against = self._nobodys if stored is None else stored.encode()
        right = self._offload.run(bcrypt.checkpw, self._prepared(password), against)
        return right and stored is not None

    def outdated(self, stored: str) -> bool:
        """Tell whether a hash was made at another cost than today's."""
        return stored.split("$")[2] != f"{self._rounds:02d}"

    def _prepared(self, password: str) -> bytes:
        """Return 64 bytes for any password: bcrypt reads 72 at most."""
        text = unicodedata.normalize("NFKC", password).encode()
        return base64.b64encode(hmac.digest(self._pepper, text, "sha384"))


def weakness(password: str, shortest: int, about: Sequence[str]) -> str | None:
    """Return why a password may not be chosen, as a sentence for its owner; None if it may."""
    if len(password) > LONGEST:
        return f"is longer than {LONGEST} characters"
    text = unicodedata.normalize("NFKC", password)
    if len(text) < shortest:
        return f"is shorter than {shortest} characters: put three or four words together"
    folded = text.casefold()
    if _is_pattern(folded):
        return "repeats or counts: choose three or four words that have nothing to do with each other"
    if any(candidate in _common() for candidate in _cores(folded)):
        return "is among the passwords that are tried first: choose three or four unrelated words"
    if _is_mostly(_squeezed(folded), about):
        return "is mostly a name or number that others know: choose words that say nothing about you"
    return None


def _is_pattern(text: str) -> bool:
    """Tell whether a text has too few characters or too few steps between them (aaaa, 1234, abab)."""
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    return len(set(text)) < FEWEST_DIFFERENT or len(steps) <= 2


def _cores(folded: str) -> Iterator[str]:
    """Yield a text, its letters and digits, those without the digits around them, and what they repeat."""
    squeezed = _squeezed(folded)
    for core in (folded, squeezed, squeezed.strip("0123456789")):
        yield core
        yield core[: (core * 2).find(core, 1)]


def _is_mostly(squeezed: str, about: Sequence[str]) -> bool:
    rest = squeezed
    for word in sorted(_known_words(about), key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest != squeezed and len(rest) < OWN_PART


def _known_words(about: Sequence[str]) -> set[str]:
    texts = [unicodedata.normalize("NFKC", text).casefold() for text in about]
    words = {_squeezed(word) for text in texts for word in (text, text[-LOCAL_NUMBER:], *text.split())}
    return {word for word in words if len(word) >= SHORTEST_KNOWN_WORD}


def _squeezed(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


@cache
def _common() -> frozenset[str]:
    """Return 30,000 common passwords. Loaded at first use: the lists take memory that few processes need."""
    return frozenset(importlib.import_module("zxcvbn.frequency_lists").FREQUENCY_LISTS["passwords"])
