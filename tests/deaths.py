"""A process that dies before or after its k-th command to MongoDB, for every k."""

import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import pytest
from pymongo.synchronous.pool import Connection

MOST_COMMANDS: Final = 60
# The database ends transactions by itself for a client that is gone, only later: nobody wants to wait for it.
ENDS: Final = (b"abortTransaction", b"ismaster")


class Death(BaseException):
    """The process is gone: nothing catches this."""


class Point(NamedTuple):
    """Where it dies: at which command, and whether that one still reached the database."""

    command: int
    reached: bool


def points() -> Iterator[Point]:
    """Yield every point, as long as whoever asks goes on."""
    for command in range(1, MOST_COMMANDS):
        yield from (Point(command, reached) for reached in (False, True))


def dies(patch: pytest.MonkeyPatch, point: Point, work: Callable[[], object]) -> bool:
    """Do some work in this thread and die at a point of it; tell whether it came that far."""
    mine, sent, dead = threading.get_ident(), 0, False
    send, receive = Connection.send_message, Connection.receive_message

    def sending(self: Connection, message: bytes, most: int) -> None:
        nonlocal sent, dead
        if threading.get_ident() == mine and not any(end in message for end in ENDS):
            sent += 1
            dead = dead or (sent == point.command and not point.reached)
            if dead:
                raise Death
        send(self, message, most)

    def receiving(self: Connection, request_id: int | None) -> Any:
        nonlocal dead
        answer = receive(self, request_id)
        if threading.get_ident() == mine and sent == point.command and not dead:
            dead = True
            raise Death
        return answer

    with patch.context() as patched:
        patched.setattr(Connection, "send_message", sending)
        patched.setattr(Connection, "receive_message", receiving)
        try:
            work()
        except Death:
            return True
    return dead
