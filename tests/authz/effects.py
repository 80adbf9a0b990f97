"""What is there besides the reply: rows, messages, files. Looked at after requests; put back when moved."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import bson
from bson.codec_options import CodecOptions
from flask import Flask
from pymongo import DeleteOne, ReplaceOne

from main import Runtime
from models import TENANT_COLLECTIONS
from tests.authz.actors import Actor
from tests.authz.world import Kind, Row, World
from tests.authz.writes import EVERYTHING, Writes

# The throttle counts tries, whoever makes them; a process that beats no more is forgotten by the database
# itself, in the middle of a walk. Everything else counts as the world.
LEFT_OUT: Final = frozenset({"login_throttle", "server_processes"})
AWARE: Final = CodecOptions[dict[str, Any]](tz_aware=True)


class Effects:
    """Compares what is stored with the world as it was built.

    What no command of this process was sent to cannot have changed: only the rest is hashed, and everything
    when ``all_of_it`` is asked for.
    """

    def __init__(self, app: Flask, world: World) -> None:
        runtime: Runtime = app.extensions["versant"]
        self._db, self._data = world.db, runtime.settings.data_dir
        self._names = frozenset(world.snapshot.keys() - LEFT_OUT)
        self._before = {name: self._raw(name) for name in self._names}
        self._writes = Writes.installed()
        self._moved: frozenset[str] = frozenset()  # what was not put back yet
        self._writes.taken(self._db.name)  # the building is over
        self._hashes, self._files = self._hashed(self._names), self._lengths()
        self._kept = {path: Path(path).read_bytes() for path in self._files}

    def changed(self, *, all_of_it: bool = False) -> list[str]:
        """Return the names of collections and files that are not as they were."""
        written = self._writes.taken(self._db.name) - LEFT_OUT | self._moved
        names = self._names if all_of_it or EVERYTHING in written else self._names & written
        hashes, files = self._hashed(names), self._lengths()
        moved = [name for name in sorted(names) if hashes.get(name) != self._hashes.get(name)]
        new = written - self._names - {EVERYTHING}
        paths = [path for path in files.keys() | self._files if files.get(path) != self._files.get(path)]
        moved += sorted(name for name in new if self._db[name].find_one())
        self._moved = frozenset(moved)
        return moved + sorted(paths)

    def undo(self, changed: list[str]) -> Mapping[str, dict[Any, Any]]:
        """Put everything back; return the rows that were not as before, by collection and id, as they were
        found: None for one that was gone."""
        found = {name: self._undone(name) for name in changed if not name.startswith("/")}
        now = self._lengths()
        for path in now.keys() - self._files.keys():
            Path(path).unlink()
        for path in self._files:
            if now.get(path) != self._files[path]:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                Path(path).write_bytes(self._kept[path])
        self._writes.taken(self._db.name)  # these were ours
        self._moved -= found.keys()
        return found

    def _undone(self, name: str) -> dict[Any, Any]:
        before, now = self._before.get(name, frozenset()), self._raw(name)
        lost, found = ({row["_id"]: row for row in map(_row, rows)} for rows in (before - now, now - before))
        back = [ReplaceOne({"_id": key}, row, upsert=True) for key, row in lost.items()]
        gone = [DeleteOne({"_id": key}) for key in found.keys() - lost.keys()]
        if gone or back:  # what is new goes first: it may have taken a name
            self._db[name].bulk_write([*gone, *back])
        return {key: found.get(key) for key in lost.keys() | found.keys()}

    def _raw(self, name: str) -> frozenset[bytes]:
        """Return the rows of a collection as they lie there: compared without being understood."""
        return frozenset(row for batch in self._db[name].find_raw_batches() for row in _split(batch))

    def _hashed(self, names: Collection[str]) -> Mapping[str, str]:
        if not names:
            return {}
        answer: dict[str, Any] = self._db.command("dbHash", collections=sorted(names))
        return dict(answer["collections"])

    def _lengths(self) -> dict[str, int]:
        """Return every file of the server, the outbox among them, with its length."""
        return {str(path): path.stat().st_size for path in self._data.rglob("*") if path.is_file()}


def _split(batch: bytes) -> Iterator[bytes]:
    """Yield the documents of a batch: each begins with its length."""
    while batch:
        length = int.from_bytes(batch[:4], "little")
        yield batch[:length]
        batch = batch[length:]


def _row(raw: bytes) -> dict[str, Any]:
    return dict(bson.decode(raw, AWARE))


def beyond(actor: Actor, moved: Mapping[str, dict[Any, Any]], world: World) -> Iterator[str]:
    """Yield the rows that an actor changed, added or removed without seeing them."""
    for name in TENANT_COLLECTIONS.intersection(moved):
        for row_id, found in moved[name].items():
            row = world.rows[name].get(row_id) or Row.of(name, found)
            if not _may_touch(actor, row, world):
                yield f"it changed {name} {row_id} of another place"


def _may_touch(actor: Actor, row: Row, world: World) -> bool:
    """Tell whether a change of this row is the actor's, also of their account and of what has no course."""
    if (actor.sees(row, world) and actor.writes(row, world)) or row.stored.get("username") == actor.username:
        return True
    owner = world.rows["users"].get(row.stored.get("user_id", ""))
    if owner is not None and row.collection == Kind.NOTIFICATION.collection and actor.sees(owner, world):
        return True  # it goes with its owner's data
    return actor.role is not None and row.campus_id == actor.campus_id(world) and not row.course_ids
