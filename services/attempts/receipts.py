"""Receipts: what a student holds proves what was stored.

A receipt is text of three or more parts between ``~``: the id of the key, the time in milliseconds, what was
stored, and an HMAC-SHA-256 over the attempt's id and everything before it. What was stored is either one
``slot.seq.digest`` per answer, or ``*.n.digest``: ``n`` answers, with one digest over all of those texts.

The digest of an answer are the first 128 bits of the SHA-256 of its canonical JSON (keys sorted, no white
space, UTF-8) in URL-safe base64, so that whoever holds the answer can check it without us.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

PURPOSE: Final = b"attempt receipts"
WHOLE: Final = "*"
DIGEST_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer as a receipt names it."""

    slot: str
    seq: int
    digest: str

    @property
    def text(self) -> str:
        """What stands in the receipt."""
        return f"{self.slot}.{self.seq}.{self.digest}"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt of ours that was read: when it was given, and what for."""

    key_id: str
    at: datetime
    stored: tuple[Stored, ...]

    @property
    def whole(self) -> Stored | None:
        """The digest over a whole attempt, where it is a receipt for that."""
        return next((one for one in self.stored if one.slot == WHOLE), None)


class Receipts:
    """Gives receipts with the newest key, and knows those of the one before."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {_key_id(key): key for key in reversed(keys)}  # the newest is the last
        self.key_id: Final = _key_id(keys[0])

    @classmethod
    def derived(cls, secret: str, previous: str = "") -> Self:
        """Return the receipts of a server's secret, and of the one that it had before."""
        secrets = [one for one in (secret, previous) if one]
        return cls([hmac.new(one.encode(), PURPOSE, hashlib.sha256).digest() for one in secrets])

    def give(self, attempt_id: str, at: datetime, stored: Sequence[Stored]) -> str:
        """Return the receipt for some answers."""
        said = "~".join([self.key_id, str(_milliseconds(at)), *(one.text for one in stored)])
        return f"{said}~{self._code(self.key_id, attempt_id, said)}"

    def give_whole(self, attempt_id: str, at: datetime, stored: Sequence[Stored]) -> str:
        """Return the receipt for all answers of an attempt."""
        return self.give(attempt_id, at, [whole_of(stored)])

    def read(self, attempt_id: str, receipt: str) -> Receipt | None:
        """Return what a receipt says; None for one that is not ours, or of another attempt."""
        said, _, code = receipt.rpartition("~")
        key_id = said.partition("~")[0]
        if key_id not in self._keys:
            return None
        if not hmac.compare_digest(code.encode(), self._code(key_id, attempt_id, said).encode()):
            return None
        _, at, *stored = said.split("~")
        parts = [one.split(".") for one in stored]
        return Receipt(
            key_id,
            datetime.fromtimestamp(int(at) / 1000, UTC),
            tuple(Stored(slot, int(seq), digest) for slot, seq, digest in parts),
        )

    def _code(self, key_id: str, attempt_id: str, said: str) -> str:
        return _text(hmac.new(self._keys[key_id], f"{attempt_id}~{said}".encode(), hashlib.sha256).digest())


def whole_of(stored: Sequence[Stored]) -> Stored:
    """Return what stands for all answers of an attempt, in whatever order they are given."""
    texts = sorted(one.text for one in stored)
    return Stored(WHOLE, len(texts), _digest("~".join(texts).encode()))


def digest_of(response: Mapping[str, Any]) -> str:
    """Return the digest of an answer."""
    text = json.dumps(response, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return _digest(text.encode())


def _digest(content: bytes) -> str:
    return _text(hashlib.sha256(content).digest()[:DIGEST_BYTES])


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"key id" + key).hexdigest()[:8]


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
