"""Load by the clock: requests leave when they are due, whether or not earlier ones have come back.

Latency counts from the time at which a request was due, so that a server that stands still is charged for all
who wait meanwhile. Everything runs in one loop of one process; per request it costs about 0.1 ms of CPU.
"""

import asyncio
import math
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

NO_ANSWER: Final = 0
PATIENCE: Final = 30.0


class Connection(asyncio.Protocol):
    """One connection that carries one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._got, self._whole = bytearray(), -1
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self.open = transport, True

    def ask(self, sent: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        """Return what will hold status and body; status 0 where the connection ends first."""
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(sent)
        return self._waiting

    def data_received(self, data: bytes) -> None:
        """Collect a reply."""
        got = self._got
        got += data
        if self._whole < 0 and (head := got.find(b"\r\n\r\n")) >= 0:
            lowered = bytes(got[:head]).lower()
            begins = lowered.find(b"content-length:")
            ends = lowered.find(b"\r\n", begins)
            length = lowered[begins + 15 : ends if ends >= 0 else None] if begins >= 0 else b"0"
            self._whole = head + 4 + int(length)
            self.open = b"connection: close" not in lowered
        if 0 <= self._whole <= len(got):
            status, body = int(got[9:12]), bytes(got[got.find(b"\r\n\r\n") + 4 : self._whole])
            self._got, self._whole = bytearray(), -1
            self._done(status, body)

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell whoever waits that nothing more comes."""
        self.open = False
        self._done(NO_ANSWER, b"")

    def _done(self, status: int, body: bytes) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result((status, body))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


class Client:
    """Connections to one server: kept open and shared, ``most`` at once; or with ``fresh`` one a request."""

    def __init__(self, host: str, port: int, most: int, *, fresh: bool = False) -> None:
        self._host, self._port, self._fresh = host, port, fresh
        self._places = asyncio.Semaphore(most)
        self._idle: deque[Connection] = deque()

    async def ask(self, sent: bytes) -> tuple[int, bytes]:
        """Return status and body; status 0 where there was no answer."""
        async with self._places:
            connection = await self._connection()
            if connection is None:
                return NO_ANSWER, b""
            try:
                answer = await asyncio.wait_for(connection.ask(sent), PATIENCE)
            except TimeoutError:
                connection.close()
                return NO_ANSWER, b""
            if connection.open and not self._fresh:
                self._idle.append(connection)
            else:
                connection.close()
            return answer

    async def _connection(self) -> Connection | None:
        while self._idle:
            if (connection := self._idle.pop()).open:
                return connection
        try:
            _, made = await asyncio.get_running_loop().create_connection(Connection, self._host, self._port)
        except OSError:
            return None
        return made

    def close(self) -> None:
        """Hang up everywhere."""
        for connection in self._idle:
            connection.close()


@dataclass(slots=True)
class Samples:
    """What came of requests."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, due: float, now: float, status: int) -> None:
        """Note one request."""
        self.milliseconds.append((now - due) * 1000)
        self.statuses[status] += 1

    def quantile(self, share: float) -> float:
        """Return the latency that so many did not exceed."""
        ordered = sorted(self.milliseconds)
        return ordered[max(0, math.ceil(len(ordered) * share) - 1)] if ordered else math.nan

    @property
    def failed(self) -> int:
        """How many were not answered with success."""
        return sum(count for status, count in self.statuses.items() if not 200 <= status < 300)

    def figures(self) -> dict[str, Any]:
        """Return the figures for a report."""
        return {
            "requests": len(self.milliseconds),
            "per_s": round(len(self.milliseconds) / self.seconds, 1) if self.seconds else None,
            "p50_ms": round(self.quantile(0.5), 1),
            "p95_ms": round(self.quantile(0.95), 1),
            "p99_ms": round(self.quantile(0.99), 1),
            "most_ms": round(self.quantile(1.0), 1),
            "failed": self.failed,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
        }


Do = Callable[[int], Awaitable[int]]  # does the request of that number, returns its status


async def offered(times: Iterable[float], do: Do) -> Samples:
    """Send requests at these times (seconds from now, in order), and return when all have ended."""
    loop, samples, tasks = asyncio.get_running_loop(), Samples(), set[asyncio.Task[None]]()
    begun = loop.time()

    async def one(number: int, due: float) -> None:
        status = await do(number)
        samples.add(due, loop.time(), status)

    for number, at in enumerate(times):
        due = begun + at
        if (ahead := due - loop.time()) > 0:
            await asyncio.sleep(ahead)
        task = loop.create_task(one(number, due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    if tasks:
        await asyncio.wait(tasks)
    samples.seconds = loop.time() - begun
    return samples


async def saturated(clients: int, seconds: float, do: Do) -> Samples:
    """Let so many clients ask one request after the other, without a pause."""
    loop, samples, numbers = asyncio.get_running_loop(), Samples(), iter(range(1_000_000_000))
    begun = loop.time()

    async def client() -> None:
        while (now := loop.time()) < begun + seconds:
            samples.add(now, 0.0, await do(next(numbers)))
            samples.milliseconds[-1] = (loop.time() - now) * 1000

    await asyncio.gather(*(client() for _ in range(clients)))
    samples.seconds = loop.time() - begun
    return samples


def evenly(count: int, seconds: float) -> list[float]:
    """Return times for so many requests, one every so often."""
    return [number * seconds / count for number in range(count)]
