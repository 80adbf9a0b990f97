"""What is there besides the reply: rows, messages, files. Looked at after requests; put back when moved."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from flask import Flask
from pymongo import DeleteOne, ReplaceOne

from main import Runtime
from models import TENANT_COLLECTIONS
from tests.authz.actors import Actor
from tests.authz.world import Row, World

# The throttle counts tries, whoever makes them; a process that beats no more is forgotten by the database
# itself, in the middle of a walk. Everything else counts as the world.
LEFT_OUT: Final = frozenset({"login_throttle", "server_processes"})


class Effects:
    """Compares what is stored with the world as it was built."""

    def __init__(self, app: Flask, world: World) -> None:
        runtime: Runtime = app.extensions["versant"]
        self._world, self._data = world, runtime.settings.data_dir
        self._names = sorted(world.snapshot.keys() - LEFT_OUT)
        self._before = {name: {row["_id"]: row for row in world.snapshot[name]} for name in self._names}
        self._hashes, self._files = self._hashed(), self._lengths()
        self._kept = {path: Path(path).read_bytes() for path in self._files}

    def changed(self) -> list[str]:
        """Return the names of collections and files that are not as they were."""
        hashes, files = self._hashed(), self._lengths()
        names = [name for name in self._names if hashes.get(name) != self._hashes.get(name)]
        paths = [path for path in files.keys() | self._files if files.get(path) != self._files.get(path)]
        return names + sorted(paths)

    def undo(self, changed: list[str]) -> Mapping[str, dict[Any, Any]]:
        """Put everything back; return the rows that were not as before, by collection and id, as they were
        found: None for one that was gone."""
        found = {name: self._undone(name) for name in changed if name in self._before}
        for path in self._lengths().keys() - self._files.keys():
            Path(path).unlink()
        for path in self._files.keys() - self._lengths().keys():
            Path(path).write_bytes(self._kept[path])
        return found

    def _undone(self, name: str) -> dict[Any, Any]:
        before, now = self._before[name], {row["_id"]: row for row in self._world.db[name].find()}
        moved = {key: now.get(key) for key in before.keys() | now if now.get(key) != before.get(key)}
        back = [ReplaceOne({"_id": key}, before[key], upsert=True) for key in moved if key in before]
        gone = [DeleteOne({"_id": key}) for key in moved if key not in before]
        self._world.db[name].bulk_write([*gone, *back])  # what is new goes first: it may have taken a name
        return moved

    def _hashed(self) -> Mapping[str, str]:
        answer: dict[str, Any] = self._world.db.command("dbHash", collections=self._names)
        return dict(answer["collections"])

    def _lengths(self) -> dict[str, int]:
        """Return every file of the server, the outbox among them, with its length."""
        return {str(path): path.stat().st_size for path in self._data.rglob("*") if path.is_file()}


def beyond(actor: Actor, moved: Mapping[str, dict[Any, Any]], world: World) -> Iterator[str]:
    """Yield the rows that an actor changed, added or removed without seeing them."""
    for name in TENANT_COLLECTIONS.intersection(moved):
        for row_id, found in moved[name].items():
            row = world.rows[name].get(row_id) or Row.of(name, found)
            if not _may_touch(actor, row, world):
                yield f"it changed {name} {row_id} of another place"


def _may_touch(actor: Actor, row: Row, world: World) -> bool:
    """Tell whether a change of this row is the actor's, also of their account and of what has no course."""
    if actor.sees(row, world) or row.stored.get("username") == actor.username:
        return True
    return actor.role is not None and row.campus_id == actor.campus_id(world) and not row.course_ids
