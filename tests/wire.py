"""HTTP/1.1 on asyncio with as little work of ours as possible between a client and what it measures."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

LONGEST_HEAD: Final = 64 * 1024


class Unanswered(Exception):
    """No whole reply came, or not in time: nobody knows what became of the request."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered."""

    status: int
    body: bytes
    stays: bool  # whether the connection may be used again

    def json(self) -> Any:
        """Return what the body holds; nothing of an empty one."""
        return json.loads(self.body) if self.body else {}


def request(method: str, path: str, token: str = "", body: Any = None, **headers: str) -> bytes:
    """Return the bytes of a request."""
    content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        lines.append("Content-Type: application/json")
    if content or method != "GET":
        lines.append(f"Content-Length: {len(content)}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


async def message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return the head and the body of the next message; raise Unanswered where it does not come whole."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = _length(head)
        return head, await reader.readexactly(length) if length else b""
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as error:
        raise Unanswered(type(error).__name__) from None


def _length(head: bytes) -> int:
    lowered = head.lower()
    begins = lowered.find(b"\r\ncontent-length:")
    if begins < 0:
        return 0
    begins += len(b"\r\ncontent-length:")
    return int(lowered[begins : lowered.index(b"\r\n", begins)])


class Line:
    """One connection, opened when it is needed and again when it has ended."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def ask(self, sent: bytes, seconds: float) -> Reply:
        """Return the reply; raise Unanswered where none comes in time."""
        try:
            async with asyncio.timeout(seconds):
                return await self._asked(sent)
        except (TimeoutError, OSError) as error:
            self.close()
            raise Unanswered(type(error).__name__) from None
        except BaseException:
            self.close()
            raise

    async def _asked(self, sent: bytes) -> Reply:
        if self._writer is None or self._reader is None or self._reader.at_eof():
            self.close()
            self._reader, self._writer = await asyncio.open_connection(
                self._host, self._port, limit=LONGEST_HEAD
            )
        self._writer.write(sent)
        head, body = await message(self._reader)
        stays = b"\r\nconnection: close" not in head.lower()
        if not stays:
            self.close()
        return Reply(int(head[9:12]), body, stays)

    def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


def address(url: str) -> tuple[str, int]:
    """Return host and port of a URL of a server."""
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def slug(shown: Mapping[str, Any]) -> str:
    """Return the name of a problem; empty where it is none."""
    return str(shown.get("type", "")).rpartition("/")[2]
