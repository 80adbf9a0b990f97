"""Watches every MongoDB command of the test process for its scope."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from pymongo import monitoring

from models import TENANT_COLLECTIONS
from startup_scripts.embedded_services import DATABASE

LOOKED_AT = frozenset(
    {"find", "aggregate", "insert", "update", "delete", "findAndModify", "count", "distinct"}
)


class CommandLog(monitoring.CommandListener):
    """Records commands on tenant collections that carry no comment. It never raises: nobody would hear."""

    _one: ClassVar["CommandLog | None"] = None
    _lock: ClassVar[threading.Lock] = threading.Lock()
    _found: ClassVar[list[str]] = []
    _asked: ClassVar[Counter[str]] = Counter()
    _mine: ClassVar[dict[int, list[str]]] = {}

    @classmethod
    def installed(cls) -> "CommandLog":
        """Return the log of this process: it watches every client that is made from now on."""
        if cls._one is None:
            cls._one = cls()
            monitoring.register(cls._one)
        return cls._one

    @classmethod
    def forget(cls) -> None:
        """Begin anew."""
        with cls._lock:
            cls._found.clear()
            cls._asked.clear()

    @classmethod
    def unscoped(cls) -> list[str]:
        """Return what was asked without naming a scope."""
        with cls._lock:
            return list(cls._found)

    @classmethod
    @contextmanager
    def of_this_thread(cls) -> Iterator[list[str]]:
        """Note what this thread asks meanwhile: each command with its collection."""
        asked = cls._mine[threading.get_ident()] = []
        try:
            yield asked
        finally:
            del cls._mine[threading.get_ident()]

    @classmethod
    def asked(cls, scope: str) -> int:
        """Return how many commands named this scope, each further page of an answer included."""
        with cls._lock:
            return cls._asked[scope]

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Look at one command."""
        collection: Any = event.command.get(event.command_name)
        if (mine := self._mine.get(threading.get_ident())) is not None:
            mine.append(f"{event.command_name} {collection}")
        with self._lock:
            self._asked[str(event.command.get("comment"))] += 1
        if event.command_name not in LOOKED_AT or collection not in TENANT_COLLECTIONS:
            return
        if event.database_name == DATABASE:  # a test looks into a server of its own
            return
        if not event.command.get("comment"):
            with self._lock:
                self._found.append(f"{event.command_name} {collection}")

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to see."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing to see."""
