"""What has happened in the world besides its building: rosters that failed or were undone, a channel that was
paused, a process that serves. Without them some schemas and repositories would never be seen."""

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from flask import Flask

from main import Runtime
from services.batch_jobs.channel_repository import ChannelRepository
from services.ports import Channel
from services.processes.documents import PROCESSES
from tests.authz.world import CAMPUSES, World, word
from tests.cast import ROSTER_HEADER, Person
from utils.documents import new_id

IMPORTS: Final = "/student_management/imports"
FOR_GOOD: Final = datetime(2100, 1, 1, tzinfo=UTC)


class Histories:
    """Lets things happen, by whoever is in charge of everything. ``rest`` waits until they have."""

    def __init__(self, app: Flask, world: World, root: Person, rest: Callable[[], None]) -> None:
        self._app, self._world, self._root, self._rest = app, world, root, rest

    def happen(self, batches: Sequence[str]) -> None:
        """Let everything happen, in a batch of each campus."""
        made = []
        for campus, batch_id in zip(CAMPUSES, batches, strict=True):
            self._upload(campus, batch_id, "what is this\n", "broken")
            made.append(self._upload(campus, batch_id, self._roster(campus), "undone"))
        self._rest()
        for act in ("commit", "undo"):
            for import_id in made:
                self._root.post(f"{IMPORTS}/{import_id}/{act}", {} if act == "commit" else None, status=202)
            self._rest()
        for campus in CAMPUSES:
            boss = Person(self._app, f"boss.{campus}0")
            boss.get(f"/student_management/students?search={word(campus, '1')}&sort=-created_at")

    def practise(self, students: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]) -> None:
        """Unlock and lock something for everybody, for a reason that names their place."""
        for place, enrolled in students.items():
            for number, student in enumerate(enrolled):
                action = ("unlock", "lock")[number % 2]
                wanted = {"module": "READING", "level": "ADVANCED", "action": action, "reason": word(*place)}
                self._root.post(f"/practice_management/students/{student['id']}/overrides", wanted)

    def stand_still(self) -> None:
        """Pause a channel, and let a process live on that will not be heard of again: nothing moves now."""
        runtime: Runtime = self._app.extensions["versant"]
        ChannelRepository(runtime.store).pause(Channel.SMS, "the account is empty", epoch=0)
        living = self._world.db[PROCESSES].find_one()
        self._world.db[PROCESSES].insert_one({**living, "_id": new_id(), "beat_at": FOR_GOOD})

    def _upload(self, campus: str, batch_id: str, content: str, name: str) -> str:
        file = io.BytesIO(content.encode()), f"{name} {word(campus, '1')}.csv"
        form: dict[str, Any] = {"batch_id": batch_id, "file": file, "channels": "email"}
        return str(self._root.post(IMPORTS, status=202, data=form)["id"])

    def _roster(self, campus: str) -> str:
        name = word(campus, "1")
        rows = [
            f"{name},{name}-gone,Student {name},,{name}-gone@example.com",
            f"{name},{name}-3,Other {name},,",
        ]
        return ROSTER_HEADER + "\n".join(rows) + "\n"
