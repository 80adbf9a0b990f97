"""In front of Socket.IO: each WebSocket holds a thread for as long as it lasts, so only so many are begun.

One that nobody stands behind is hung up: whoever says nothing, or has vanished, would keep its thread for
ever, since a WebSocket that we close ends only when the other side says so, too.
"""

import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Lock
from typing import Any, Final, TypeAlias

from routes._kit.errors import refuse
from utils.problems import Unavailable

PATH: Final = "/socket.io/"
PLACE: Final = "versant.place"
RAW: Final = ("gunicorn.socket", "werkzeug.socket")
RETRY_SECONDS: Final = 5

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]
Wsgi: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]


class SocketsFull(Unavailable):
    """This process has as many sockets as it takes (``MAX_SOCKETS``). Connect again after ``Retry-After``."""

    title = "No more sockets are taken now"


class Place:
    """One connection: when somebody was last seen behind it."""

    def __init__(self, environ: Environ) -> None:
        self._raw = next((environ[name] for name in RAW if name in environ), None)
        self.seen = time.monotonic()

    def hang_up(self) -> None:
        """End the connection, whatever the other side says."""
        if self._raw is not None:
            with suppress(OSError):
                self._raw.shutdown(socket.SHUT_RDWR)


class SocketGate:
    """WSGI middleware: answers 503 to whoever wants a socket beyond ``most``, whoever it is."""

    def __init__(self, inner: Wsgi, most: int) -> None:
        self._inner, self._most = inner, most
        self._places: set[Place] = set()
        self._lock = Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request; one for a socket returns when the socket is closed."""
        if not environ.get("PATH_INFO", "").startswith(PATH):
            return self._inner(environ, start_response)
        if (place := self._taken(environ)) is None:
            return refuse(SocketsFull(retry_after=RETRY_SECONDS), start_response)
        try:
            return self._inner({**environ, PLACE: place}, start_response)
        finally:
            self._places.discard(place)

    def hang_up(self, seconds: float) -> None:
        """End the connections behind which nobody was seen for ``seconds``."""
        latest = time.monotonic() - seconds
        with self._lock:
            empty = [place for place in self._places if place.seen < latest]
        for place in empty:
            place.hang_up()

    def _taken(self, environ: Environ) -> Place | None:
        with self._lock:
            if len(self._places) >= self._most:
                return None
            self._places.add(place := Place(environ))
            return place
