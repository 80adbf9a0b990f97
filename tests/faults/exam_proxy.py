"""Stands between students and the product, and does to their requests what networks do."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from random import Random
from typing import Final

from tests.wire import LONGEST_HEAD, Unanswered, address, message

HELD_SECONDS: Final = 4.0  # longer than a client waits
SOON: Final = (0.0, 0.3)
LATER: Final = (0.3, 4.0)
ANSWER_SECONDS: Final = 10.0
PIECE: Final = 97


class Trouble(StrEnum):
    """``again_later``: the same bytes arrive once more, when newer ones have come in between."""

    NONE = "passed on"
    DELAYED = "delayed"
    LOST = "lost"
    ANSWER_LOST = "answer lost"
    ANSWER_DELAYED = "answer delayed"
    TWICE = "sent twice at once"
    AGAIN_LATER = "sent again later"
    SLICED = "sliced"
    HELD = "held"


USUAL: Final[Mapping[Trouble, float]] = {
    Trouble.NONE: 0.70,
    Trouble.DELAYED: 0.06,
    Trouble.LOST: 0.03,
    Trouble.ANSWER_LOST: 0.05,
    Trouble.ANSWER_DELAYED: 0.03,
    Trouble.TWICE: 0.05,
    Trouble.AGAIN_LATER: 0.05,
    Trouble.SLICED: 0.02,
    Trouble.HELD: 0.01,
}


class Proxy:
    """Listens on loopback inside the running loop; ``done`` counts what it did."""

    def __init__(self, target: Callable[[], str], seed: int, shares: Mapping[Trouble, float] = USUAL) -> None:
        self._target, self._random = target, Random(f"proxy {seed}")
        self._kinds, self._weights = list(shares), list(shares.values())
        self._server: asyncio.Server | None = None
        self._late: set[asyncio.Task[None]] = set()
        self._idle: list[tuple[str, StreamReader, StreamWriter]] = []
        self.done: Counter[str] = Counter()
        self.calm = False  # whether it only passes on
        self._closed = False
        self._clients: dict[StreamWriter, asyncio.Task[None]] = {}

    async def open(self) -> int:
        """Listen; return the port."""
        self._server = await asyncio.start_server(self._taken, "127.0.0.1", 0, limit=LONGEST_HEAD)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Hang up, once what was to come later has come, or nobody waits for it any more."""
        try:
            if self._late:
                await asyncio.wait(self._late)
        finally:
            self._hang_up()

    def _hang_up(self) -> None:
        self._closed = True
        if self._server is not None:
            self._server.close()
        for writer in [*self._clients, *(writer for _, _, writer in self._idle)]:
            writer.transport.abort()

    def _taken(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve a connection; known at once, so that it is hung up even if it never has its turn."""
        if self._closed:  # it was on its way in
            writer.transport.abort()
            return
        self._clients[writer] = asyncio.create_task(self._serve(reader, writer))

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(Unanswered, OSError, asyncio.CancelledError):
            while True:
                sent = b"".join(await message(reader))
                reply = await self._through(sent)
                writer.write(reply)
                await writer.drain()
        writer.transport.abort()
        self._clients.pop(writer, None)

    async def _through(self, sent: bytes) -> bytes:
        """Return the answer; raise Unanswered where the client is to get none."""
        [trouble] = self._random.choices(self._kinds, self._weights)
        if self.calm or (trouble is Trouble.AGAIN_LATER and not sent.startswith(b"PUT")):
            trouble = Trouble.NONE
        self.done[str(trouble)] += 1
        if trouble is Trouble.HELD:
            await asyncio.sleep(HELD_SECONDS)
        if trouble in (Trouble.LOST, Trouble.HELD):
            raise Unanswered(trouble)
        if trouble is Trouble.DELAYED:
            await asyncio.sleep(self._random.uniform(*SOON))
        if trouble is Trouble.AGAIN_LATER:
            self._again(sent)
        answer = await self._answered(sent, trouble)
        if trouble is Trouble.ANSWER_LOST:
            raise Unanswered(trouble)
        if trouble is Trouble.ANSWER_DELAYED:
            await asyncio.sleep(self._random.uniform(*SOON))
        return answer

    async def _answered(self, sent: bytes, trouble: Trouble) -> bytes:
        if trouble is not Trouble.TWICE:
            return await self._forward(sent, PIECE if trouble is Trouble.SLICED else len(sent))
        both = await asyncio.gather(*(self._forward(sent, len(sent)) for _ in "12"), return_exceptions=True)
        for answer in both:
            if isinstance(answer, bytes):
                return answer
        raise Unanswered(trouble)

    def _again(self, sent: bytes) -> None:
        async def later() -> None:
            await asyncio.sleep(self._random.uniform(*LATER))
            with suppress(Unanswered, OSError):
                await self._forward(sent, len(sent))

        task = asyncio.create_task(later())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _forward(self, sent: bytes, piece: int) -> bytes:
        reader, writer, url = await self._upstream()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                for at in range(0, len(sent), piece):
                    writer.write(sent[at : at + piece])
                    if piece < len(sent):
                        await writer.drain()
                        await asyncio.sleep(0.005)
                head, body = await message(reader)
        except (TimeoutError, OSError, Unanswered) as error:
            writer.close()
            raise Unanswered(type(error).__name__) from None
        except asyncio.CancelledError:  # the run ends while somebody waits
            writer.close()
            raise
        if self._closed or b"\r\nconnection: close" in head.lower():
            writer.close()
        else:
            self._idle.append((url, reader, writer))
        return head + body

    async def _upstream(self) -> tuple[StreamReader, StreamWriter, str]:
        url = self._target()
        while self._idle:
            where, reader, writer = self._idle.pop()
            if where == url and not reader.at_eof():
                return reader, writer, url
            writer.close()
        try:
            reader, writer = await asyncio.open_connection(*address(url), limit=LONGEST_HEAD)
        except OSError as error:
            raise Unanswered(type(error).__name__) from None
        return reader, writer, url
