"""The whole product over one data folder: started again whenever it has ended, and looked into."""

import http.client
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psutil
import redis
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from tests.faults.evidence import WorkerSeen
from tests.servers import Pids, Server

WORKERS: Final = 2
JOURNAL_MS: Final = 100  # as MongoDB does by itself
NOWHERE: Final = "http://127.0.0.1:9"  # the discard port: nobody answers there
TRANSACTION_SECONDS: Final = 3
ALWAYS: Final = {"BCRYPT_ROUNDS": "4", "ACCESS_TOKEN_SECONDS": "3600", "PUBLIC_URL": "http://versant.test"}
START_TRIES: Final = 4
LONGEST_PAUSE: Final = 2.0
WAITING: Final = ("imports", "messages", "email", "sms")
HURRY_SECONDS: Final = 1.0
READER: Final = "services.imports.roster.child"
SHORT: Final = {
    "LEASE_SECONDS": "2",
    "SUB_BATCH_SIZE": "25",  # more units, so more moments at which something can die
    "MONGODB_TIMEOUT_MS": "2500",
}


class Product:
    """``tend`` it from one thread that stays: whatever starts a server must outlive it."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, short: bool = True) -> None:
        self.data_dir = folder / "data"
        told = ALWAYS | (SHORT if short else {}) | dict(environment)
        self.server = Server(self.data_dir, "--workers", str(WORKERS), environment=told)
        self.starts = 0
        self.endings: list[tuple[int, datetime]] = []  # exit codes, and when they were noticed
        self._short = short
        self._url = NOWHERE
        self._mongo: MongoClient[dict[str, Any]] | None = None
        self._tuned = 0
        self._journal = JOURNAL_MS
        self._hurried = 0.0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._mongo is not None:
            self._mongo.close()
        self.server.end()

    def start(self) -> None:
        """Return when it serves."""
        self.server.start()
        self.starts += 1
        self._url = self.server.url
        self._look_into(json.loads((self.data_dir / "running.json").read_text())["MONGODB_URI"])
        self._tune()

    def stop(self) -> int:
        """Stop it as an operator does; return the exit code."""
        self._url = NOWHERE
        return self.server.stop()

    def tend(self) -> None:
        """Start it again if it has ended, also where somebody kills it while it starts."""
        for tries in range(START_TRIES):
            if (code := self.server.child.code) is None:
                break
            self._url = NOWHERE
            self.endings.append((code, datetime.now(UTC)))
            try:
                self.start()
            except (AssertionError, FileNotFoundError):  # it was killed again, or as soon as it served
                if tries == START_TRIES - 1:
                    raise
        self._tune()

    def journal_every(self, milliseconds: int) -> None:
        """Let MongoDB write its journal so seldom where nobody waits for it, also after it was killed."""
        self._journal, self._tuned = milliseconds, 0
        self._tune()

    def hurry(self) -> None:
        """Let work that waits for its next try, for a minute at most, be due soon: a run has to end."""
        if not self._short or time.monotonic() - self._hurried < HURRY_SECONDS:
            return
        self._hurried = time.monotonic()
        soon, now = datetime.now(UTC) + timedelta(seconds=LONGEST_PAUSE), "$$NOW"
        late = {"queue": {"$in": WAITING}, "state": "available", "run_at": {"$gt": soon}}
        with suppress(PyMongoError):
            self.db["engine_jobs"].update_many(late, [{"$set": {"run_at": now}}])

    def flush(self, seconds: float = 60.0) -> bool:
        """Wipe its Redis, as soon as there is one; tell whether that was within ``seconds``."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            with suppress(OSError, ValueError, redis.RedisError):
                url = json.loads((self.data_dir / "running.json").read_text())["REDIS_URL"]
                with redis.Redis.from_url(url, socket_timeout=2) as client:
                    return bool(client.flushall())
            time.sleep(0.1)
        return False

    def url(self) -> str:
        """Where it serves, or served last."""
        return self._url

    @property
    def serves(self) -> bool:
        """Whether the processes that do the work are there."""
        pids = self.pids()
        return bool(pids.workers and pids.mongod)

    @property
    def db(self) -> Database[dict[str, Any]]:
        """The database, as the tests look into it."""
        assert self._mongo is not None
        return self._mongo.get_default_database()

    def pids(self) -> Pids:
        """The processes as they are now, also while they come and go."""
        if self.server.child.code is not None:
            return Pids(0, [], 0, 0)
        for _ in range(20):
            try:
                found = self.server.pids
                return found._replace(workers=[pid for pid in found.workers if _runs(pid)])
            except psutil.Error:
                time.sleep(0.01)
        return Pids(0, [], 0, 0)

    def words(self) -> str:
        """Return what it said last, for whoever has to find out."""
        log = self.data_dir / "logs" / "server.log"
        told = log.read_text().splitlines()[-30:] if log.exists() else []
        return "\n".join([self.server.child.tail(30), str(self.pids()), str(self.endings[-3:]), *told])

    def readers(self) -> list[int]:
        """The children that read a roster just now."""
        found: list[int] = []
        for worker in self.pids().workers:
            with suppress(psutil.Error):
                children = psutil.Process(worker).children()
                found += [child.pid for child in children if READER in child.cmdline()]
        return found

    def workers_seen(self, seconds: float = 60.0) -> list[WorkerSeen]:
        """Ask until every worker has answered for itself, and well if it can within ``seconds``."""
        give_up = time.monotonic() + seconds
        seen: dict[int, WorkerSeen] = {}
        while time.monotonic() < give_up:
            pids = set(self.pids().workers)
            for one in self._ask(pids):
                seen[one.pid] = one
            if len(pids) == WORKERS and all(pid in seen and seen[pid].status == 200 for pid in pids):
                return [seen[pid] for pid in pids]
            time.sleep(0.05)
        missing = [WorkerSeen(pid, 0, []) for pid in self.pids().workers if pid not in seen]
        return [one for pid, one in seen.items() if _runs(pid)] + missing

    def _ask(self, pids: set[int]) -> Iterator[WorkerSeen]:
        """Yield one answer, with the worker that holds the other end of the connection."""
        host, _, port = self._url.removeprefix("http://").partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=5)
        with suppress(OSError, http.client.HTTPException, psutil.Error):
            connection.request("GET", "/health/ready")
            mine = connection.sock.getsockname()[1]
            reply = connection.getresponse()
            parts = json.loads(reply.read())["parts"]
            for pid in pids:
                ends = psutil.Process(pid).net_connections("tcp4")
                if any(end.raddr and end.raddr.port == mine for end in ends):
                    yield WorkerSeen(pid, reply.status, parts)
        connection.close()

    def _look_into(self, uri: str) -> None:
        if self._mongo is not None:
            self._mongo.close()
        self._mongo = MongoClient(uri, tz_aware=True, serverSelectionTimeoutMS=5000)

    def _tune(self) -> None:
        """What a dead process had begun holds its rows until MongoDB gives it up: as short as the lease."""
        mongod = self.pids().mongod
        if not self._short or mongod in (0, self._tuned) or self._mongo is None:
            return
        with suppress(PyMongoError):
            self._mongo.admin.command(
                "setParameter",
                1,
                transactionLifetimeLimitSeconds=TRANSACTION_SECONDS,
                journalCommitInterval=self._journal,
            )
            self._tuned = mongod


def kill(pid: int, number: int = signal.SIGKILL) -> bool:
    """Send a signal; tell whether there was somebody to get it."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
