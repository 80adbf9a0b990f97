"""Where messages lie on a machine without provider credentials: one JSON line each, each exactly once."""

import json
import math
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final

from filelock import FileLock

from integrations.outbox_file import (
    OutboxFile,
    complete_lines,
    head,
    line_id,
    lines_backwards,
    mend_tail,
    message_in,
)
from services.ports import JSON, Accepted, Balance, Busy, Channel, Limit, Message, SendOutcome, SendUnit
from utils.clock import Clock, SystemClock

LOCK_SECONDS: Final = 10.0
LOCK_POLL_SECONDS: Final = 0.002  # the library's 50 ms is ten times what an append takes
RETRY_SECONDS: Final = 5.0
UNIT_SIZE: Final = 100
ID_BYTES: Final = 12


class LocalOutbox:
    """``outbox.jsonl``: appended to by many processes, idempotent by delivery id, mended after a crash.

    Every append happens under one lock between processes, and begins by reading what others have appended
    since: so each process knows every delivery id in the file, as 12 bytes each. The file may be deleted or
    replaced at any time; the outbox then starts anew with what it finds.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._clock = path, clock or SystemClock()
        self._between_threads = threading.Lock()
        self._between_processes = FileLock(
            f"{path}.lock", timeout=LOCK_SECONDS, poll_interval=LOCK_POLL_SECONDS, mode=0o600
        )
        self._known: set[bytes] = set()
        self._offset = 0
        self._head = b""
        with self._between_threads, self._between_processes, OutboxFile(path) as file:
            mend_tail(file)

    def append(self, messages: Sequence[Message]) -> int:
        """Write the messages whose delivery id is new, durably; return how many. OSError: none was."""
        with self._between_threads, self._between_processes, OutboxFile(self._path) as file:
            self._catch_up(file)
            keyed = {_key(message.delivery_id): message for message in messages}
            new = {key: message for key, message in keyed.items() if key not in self._known}
            if new:
                self._write(file, new.values())
                self._known.update(new)
            return len(new)

    def read(self, limit: int, before: int | None) -> tuple[Sequence[Mapping[str, JSON]], int | None]:
        """Return up to ``limit`` messages, newest first, and where the next page begins; None at the end."""
        found: list[Mapping[str, JSON]] = []
        try:
            with self._path.open("rb") as file:
                for start, line in lines_backwards(file, before):
                    if message := message_in(line):
                        found.append(message)
                    if len(found) >= limit:
                        return found, start or None
        except FileNotFoundError:
            pass
        return found, None

    def size(self) -> int:
        """Return the bytes in the outbox."""
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def _catch_up(self, file: OutboxFile) -> None:
        if file.size() < self._offset or head(file, len(self._head)) != self._head:
            self._known, self._offset, self._head = set(), 0, b""
        mend_tail(file)
        for line in complete_lines(file, self._offset):
            self._known.add(_key(line_id(line)))
            self._offset += len(line)
        self._head = head(file)

    def _write(self, file: OutboxFile, messages: Iterable[Message]) -> None:
        sent_at = self._clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        data = b"".join(_line(message, sent_at) for message in messages)
        file.append(data, self._offset)
        self._offset += len(data)
        self._head = head(file)


class OutboxSender:
    """Sends by writing into the outbox: no failure is ever ambiguous, so any unit may be repeated."""

    provider = "outbox"
    account = "here"
    limits: tuple[Limit, ...] = ()
    unit_size: int = UNIT_SIZE
    repeat_seconds: float = math.inf
    confirms_delivery: bool = True

    def __init__(self, outbox: LocalOutbox, channel: Channel) -> None:
        self.channel = channel
        self._outbox = outbox

    def send(self, unit: SendUnit) -> SendOutcome:
        """Write the unit; Busy when the disk does not take it."""
        try:
            self._outbox.append(unit.messages)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else "its lock is held elsewhere"
            return Busy(f"outbox: {why}", RETRY_SECONDS)
        return Accepted(tuple(message.delivery_id for message in unit.messages))

    def ready_in(self) -> float:
        """Say that it may be tried at any time."""
        return 0.0

    def balance(self) -> Balance:
        """Say that nothing is counted here."""
        return Balance(True, "messages lie in the outbox of this machine: nothing leaves, nothing is charged")

    def status(self) -> Mapping[str, JSON]:
        """Return the adapter's state for people."""
        return {"provider": "outbox", "channel": self.channel.value, "bytes": self._outbox.size()}


def _key(delivery_id: str) -> bytes:
    return blake2b(delivery_id.encode("utf-8", "surrogatepass"), digest_size=ID_BYTES).digest()


def _line(message: Message, sent_at: str) -> bytes:
    fields = {
        "delivery_id": message.delivery_id,
        "channel": message.channel.value,
        "to": message.to,
        "subject": message.subject,
        "text": message.text,
        "html": message.html,
        "sent_at": sent_at,
    }
    return json.dumps(fields, separators=(",", ":")).encode("ascii") + b"\n"
