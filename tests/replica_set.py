"""A replica set of three, on loopback, sparing with memory: whose primary may step down or be killed."""

import os
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from shutil import rmtree
from types import TracebackType
from typing import Any, Final, Self

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from startup_scripts.child import Child
from startup_scripts.embedded_mongodb import OPTIONS, find_mongod
from startup_scripts.machine import this_machine
from startup_scripts.ports import LOOPBACK, free_port
from tests.servers import fast_disk

MEMBERS: Final = 3
START_SECONDS: Final = 150.0  # three servers at once on a machine that does much else
STEPPED_DOWN: Final = 20  # seconds for which who stepped down does not become primary again


class ReplicaSet:
    """Three members while the block runs. ``uri`` names all of them."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="versant-set-", dir=fast_disk()))
        self._ports = [free_port() for _ in range(MEMBERS)]
        program = find_mongod(os.environ, this_machine())
        self._children = {port: self._child(program, port) for port in self._ports}

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def _start(self) -> None:
        for child in self._children.values():
            child.start()
        members = [{"_id": n, "host": f"{LOOPBACK}:{port}"} for n, port in enumerate(self._ports)]
        for port in self._ports:  # whoever is not up yet has the whole set refused
            self._until(lambda port=port: self._asked(port, {"ping": 1}))
        initiate = {"replSetInitiate": {"_id": "rs0", "members": members}}
        self._until(lambda: self._asked(self._ports[0], initiate))
        self._until(lambda: self.primary or self._asked(self._ports[0], {"replSetStepUp": 1}))  # at once
        self._until(lambda: self.primary)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        for child in self._children.values():
            if child.code is None:
                os.kill(child.pid, signal.SIGKILL)
                child.wait()
        rmtree(self._folder, ignore_errors=True)

    def uri(self, database: str) -> str:
        """Return the connection string of one database."""
        hosts = ",".join(f"{LOOPBACK}:{port}" for port in self._ports)
        return f"mongodb://{hosts}/{database}?replicaSet=rs0"

    @property
    def primary(self) -> int:
        """The port of the member that takes writes; 0 where there is none."""
        return next((p for p in self._ports if self._asked(p, {"hello": 1}).get("isWritablePrimary")), 0)

    def step_down(self) -> None:
        """Let the primary hand over to another one, as for maintenance."""
        self._asked(self.primary, {"replSetStepDown": STEPPED_DOWN, "secondaryCatchUpPeriodSecs": 10})

    def kill_primary(self) -> None:
        """End the primary without a word."""
        child = self._children[self.primary]
        os.kill(child.pid, signal.SIGKILL)
        child.wait()

    def _child(self, program: Path, port: int) -> Child:
        folder = self._folder / str(port)
        folder.mkdir()
        command: list[str | Path] = [program, "--dbpath", folder, *OPTIONS, "--port", str(port)]
        return Child(command, self._folder / f"{port}.log")

    def _asked(self, port: int, command: dict[str, Any]) -> Mapping[str, Any]:
        """Return a member's answer; nothing where it gives none."""
        client: MongoClient[dict[str, Any]]
        try:
            with MongoClient(LOOPBACK, port, directConnection=True, serverSelectionTimeoutMS=2000) as client:
                return dict(client.admin.command(command))
        except (ConnectionFailure, OperationFailure):
            return {}

    def _until(self, true: Any) -> None:
        give_up = time.monotonic() + START_SECONDS
        while not true():
            if time.monotonic() > give_up or any(child.code is not None for child in self._children.values()):
                said = "\n".join(child.tail() for child in self._children.values())
                raise PyMongoError(f"the replica set does not come up: {said}")
            time.sleep(0.25)  # each look is three connections
