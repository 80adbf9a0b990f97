"""What every client of this process sends to MongoDB: which collections may change, and by which filters."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final

from pymongo import monitoring

READS: Final = frozenset(
    {
        *("find", "getMore", "count", "distinct", "killCursors"),
        *("hello", "ping", "endSessions", "dbHash", "commitTransaction", "abortTransaction"),
    }
)
WRITING_STAGES: Final = frozenset({"$out", "$merge"})
EVERYTHING: Final = "*"


class Writes(monitoring.CommandListener):
    """Notes the collection of every command that is not known to leave all as it is."""

    _one: ClassVar["Writes | None"] = None

    def __init__(self) -> None:
        self._lock, self._seen = threading.Lock(), dict[str, set[tuple[str, str]]]()
        self._filters: list[tuple[str, Any]] | None = None

    @classmethod
    def installed(cls) -> "Writes":
        """Return the one of this process: it hears every client that is made from now on."""
        if cls._one is None:
            cls._one = cls()
            monitoring.register(cls._one)
        return cls._one

    def taken(self, database: str) -> set[str]:
        """Return what was written to since this was last asked; ``EVERYTHING`` where nobody can tell."""
        return {collection for collection, _ in self.units(database)}

    def units(self, database: str) -> set[tuple[str, str]]:
        """Return the same with the transaction that each write was part of; empty where there was none."""
        with self._lock:
            return self._seen.pop(database, set())

    @contextmanager
    def filters(self) -> Iterator[list[tuple[str, Any]]]:
        """Collect every filter that is sent from now on, with its collection."""
        found: list[tuple[str, Any]] = []
        self._filters = found
        try:
            yield found
        finally:
            self._filters = None

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Note one command."""
        name, command = event.command_name, event.command
        if (filters := self._filters) is not None:
            filters += [(str(command[name]), one) for one in _filters(name, command)]
        if name in READS or (name == "aggregate" and not _writes(command["pipeline"])):
            return
        collection: Any = command.get(name)
        told = collection if isinstance(collection, str) and name != "aggregate" else EVERYTHING
        with self._lock:
            self._seen.setdefault(event.database_name, set()).add((told, _transaction(command)))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to see."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing to see."""


def _transaction(command: Any) -> str:
    if command.get("autocommit") is not False:
        return ""
    return f"{command['lsid']['id'].hex()}:{command['txnNumber']}"


def _filters(name: str, command: Any) -> Sequence[Any]:
    """Return by what a command chooses rows; an insert chooses none."""
    match name:
        case "find":
            return [command["filter"]]
        case "aggregate":
            return [command["pipeline"][0].get("$match", {})]
        case "update" | "delete":
            return [one["q"] for one in command[f"{name}s"]]
        case "findAndModify" | "distinct":
            return [command["query"]]
    return []


def _writes(pipeline: Any) -> bool:
    return any(not WRITING_STAGES.isdisjoint(stage) for stage in pipeline)
