"""A Redis of a test's own, to kill, stop, wipe and bring back, while the block runs."""

import os
import signal
import tempfile
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

from redis import Redis

from startup_scripts.embedded_redis import EmbeddedRedis, find_redis
from startup_scripts.machine import this_machine


class OwnRedis:
    """Starts on a free port and keeps it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="versant-redis-")
        program = find_redis(os.environ, this_machine())
        assert program is not None
        folder = Path(self._folder.name)
        self._service = EmbeddedRedis(program, folder, folder / "redis.log")

    def __enter__(self) -> Self:
        self._service.start(Event())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.go_on()
        self._service.child.stop(5.0)
        self._folder.cleanup()

    @property
    def url(self) -> str:
        """Where it is."""
        return self._service.url

    def kill(self) -> None:
        """End it without a word, and with all that it held."""
        os.kill(self._service.child.pid, signal.SIGKILL)
        self._service.child.wait()

    def return_(self) -> None:
        """Start it again on its port; return when it answers."""
        self._service.restart(Event())

    def stand_still(self) -> None:
        """Stop it; its connections stay open."""
        os.kill(self._service.child.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run on after it stood still."""
        os.kill(self._service.child.pid, signal.SIGCONT)

    def wipe(self) -> None:
        """Remove everything in it."""
        with Redis.from_url(self.url) as client:
            client.flushall()
