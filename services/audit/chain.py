"""The chain of audit rows: what is hashed, how, and with which key.

A row's ``mac`` covers what it says; ``hash`` covers its place: campus, number, the hash of the row before,
and the row's ``mac``. Both are HMAC-SHA-256 over canonical JSON (keys sorted, no white space, ASCII, times in
UTC with milliseconds), with a key that the database does not have.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

from services.audit.documents import GENESIS, AuditRecord

PURPOSE: Final = b"audit chain"
SAID: Final = ("_id", "campus_id", "action", "actor_id", "target", "detail", "request_id", "at")


@dataclass(frozen=True, slots=True)
class Link:
    """A place in a chain: the number of a row, the hash of the one before, and its own."""

    seq: int
    prev: str
    hash: str


class ChainKey:
    """Makes and checks what ties audit rows together."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def derived(cls, secret: str) -> Self:
        """Return the key that belongs to a secret of the server, and to this purpose only."""
        return cls(hmac.new(secret.encode(), PURPOSE, hashlib.sha256).digest())

    def mac(self, record: AuditRecord) -> str:
        """Return the code over what a row says."""
        row = record.to_mongo()
        return self._code("row", {name: row[name] for name in SAID})

    def link(self, campus_id: str | None, seq: int, prev: str, mac: str) -> Link:
        """Return the link that a row becomes at this place."""
        return Link(seq, prev, self._code("link", [campus_id, seq, prev, mac]))

    def links(self, campus_id: str | None, seq: int, prev: str, macs: Sequence[str]) -> list[Link]:
        """Return the links of rows that follow the one with this number and hash."""
        made: list[Link] = []
        for mac in macs:
            made.append(self.link(campus_id, seq + 1, prev, mac))
            seq, prev = made[-1].seq, made[-1].hash
        return made

    def fault(self, record: AuditRecord) -> str | None:
        """Return what is wrong with a sealed row by itself; None when it is as it was written."""
        if not hmac.compare_digest(record.mac, self.mac(record)):
            return "says something else than what was recorded, or was never recorded by a server"
        link = self.link(record.campus_id, record.seq or 0, record.prev or GENESIS, record.mac)
        if not hmac.compare_digest(record.hash or "", link.hash):
            return "does not belong at this place of the chain"
        return None

    def _code(self, kind: str, what: Any) -> str:
        return hmac.new(self._key, f"{kind}:{canonical(what)}".encode(), hashlib.sha256).hexdigest()


def canonical(what: Mapping[str, Any] | Sequence[Any]) -> str:
    """Return the one JSON text of some values."""
    return json.dumps(what, sort_keys=True, separators=(",", ":"), default=_plain)


def moment(at: datetime) -> str:
    """Return a time as it is hashed and exported."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return moment(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")
