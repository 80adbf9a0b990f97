"""The outbox's file: whole lines only, appended all or nothing, read from either end."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

BLOCK: Final = 1 << 20
BACKWARD_BLOCK: Final = 1 << 16
HEAD_BYTES: Final = 64  # enough to hold the first line's delivery id: tells a replaced file from the same one
ID_PREFIX: Final = b'{"delivery_id":"'


class OutboxFile:
    """One open outbox file. It holds one-time links, so only its owner may read it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        existed = self._path.exists()
        self.fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if not existed:
            _sync_folder(self._path.parent)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def size(self) -> int:
        """Return the file's length in bytes."""
        return os.fstat(self.fd).st_size

    def append(self, data: bytes, end: int) -> None:
        """Add ``data`` after ``end``, durably; whatever goes wrong, nothing of it stays."""
        try:
            if os.write(self.fd, data) < len(data):  # one call: a crash tears one line at most
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self.fd)
        except OSError:
            with suppress(OSError):  # where even this fails, the next append mends the tail
                os.ftruncate(self.fd, end)
            raise


def head(file: OutboxFile, length: int = HEAD_BYTES) -> bytes:
    """Return the first bytes of the file: its identity, since an inode number is soon used again."""
    return os.pread(file.fd, min(length, file.size()), 0)


def mend_tail(file: OutboxFile) -> None:
    """Cut off a last line that a crash left half written, or end it if only its newline is missing."""
    end = file.size()
    if end == 0 or os.pread(file.fd, 1, end - 1) == b"\n":
        return
    tail = _tail(file, end)
    if message_in(tail):
        file.append(b"\n", end)
    else:
        os.ftruncate(file.fd, end - len(tail))
        os.fsync(file.fd)


def complete_lines(file: OutboxFile, offset: int) -> Iterator[bytes]:
    """Yield every whole line from ``offset`` on, each with its newline."""
    end, rest = file.size(), b""
    while offset < end:
        block = os.pread(file.fd, min(BLOCK, end - offset), offset)
        if not block:
            return
        offset += len(block)
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line + b"\n"


def line_id(line: bytes) -> str:
    """Return the delivery id of a line, or an empty string where the line is not one of ours."""
    end = line.find(b'"', len(ID_PREFIX))
    raw = line[len(ID_PREFIX) : end]
    if line.startswith(ID_PREFIX) and end > 0 and b"\\" not in raw:
        return raw.decode("utf-8", "replace")
    return str((message_in(line) or {}).get("delivery_id", ""))


def message_in(line: bytes) -> dict[str, Any] | None:
    """Return the message that a line holds, or None where it is torn or not ours."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def lines_backwards(file: BinaryIO, before: int | None) -> Iterator[tuple[int, bytes]]:
    """Yield ``(offset, line)`` of every whole line that ends at or before ``before``, the last one first."""
    size = file.seek(0, os.SEEK_END)
    position = size if before is None else max(0, min(before, size))
    rest, torn = b"", True  # what follows the last newline is no line: empty, torn, or cut by ``before``
    while position > 0:
        step = min(BACKWARD_BLOCK, position)
        position -= step
        file.seek(position)
        rest, *lines = (file.read(step) + rest).split(b"\n")
        start = position + len(rest) + 1 + sum(len(line) + 1 for line in lines)
        for line in reversed(lines):
            start -= len(line) + 1
            if not torn:
                yield start, line
            torn = False
    if rest and not torn:
        yield 0, rest


def _tail(file: OutboxFile, end: int) -> bytes:
    tail, position = b"", end
    while position > 0 and b"\n" not in tail:
        step = min(BACKWARD_BLOCK, position)
        position -= step
        tail = os.pread(file.fd, step, position) + tail
    return tail.rpartition(b"\n")[2]


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
