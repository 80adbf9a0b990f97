"""MongoDB and Redis for one machine: found, started, kept running, stopped."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

from startup_scripts.child import ending
from startup_scripts.data_folder import DataFolder, check_disk
from startup_scripts.embedded_mongodb import STOP_SECONDS, EmbeddedMongoDB, find_mongod
from startup_scripts.embedded_redis import EmbeddedRedis, find_redis
from startup_scripts.errors import CannotStart
from startup_scripts.machine import Machine, this_machine
from startup_scripts.service import Service

DATABASE: Final = "versant"
TICK_SECONDS: Final = 0.05
MIN_SECONDS_BETWEEN_STARTS: Final = 1.0
SECONDS_AFTER_A_FAILED_START: Final = 5.0
TRIM_EVERY_TICKS: Final = 200


class EmbeddedServices:
    """The servers that one installation needs, for as long as the ``with`` block runs.

    ``MONGODB_URI`` and ``REDIS_URL`` of the environment are used as they are; what they leave open is started
    here, over ``data_dir``, and started again on the same port when it dies. Our own death ends the servers.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        environment: Mapping[str, str] = os.environ,
        mongod_extra: Sequence[str] = (),
        say: Callable[[str], None] = print,
        machine: Machine | None = None,
    ) -> None:
        self.folder = DataFolder(data_dir)
        self._environment = environment
        self._mongod_extra = mongod_extra
        self._say = say
        self._machine = machine or this_machine()
        self._mongodb: EmbeddedMongoDB | None = None
        self._redis: EmbeddedRedis | None = None
        self._keeper: _Keeper | None = None

    @property
    def mongodb_uri(self) -> str:
        """The connection string of the product's database."""
        return self._environment.get("MONGODB_URI") or (self._mongodb.uri(DATABASE) if self._mongodb else "")

    @property
    def redis_url(self) -> str | None:
        """The address of Redis; None where there is no Redis."""
        return self._environment.get("REDIS_URL") or (self._redis.url if self._redis else None)

    @property
    def pids(self) -> dict[str, int]:
        """The processes that run for us now, by name: ``mongod``, ``redis``."""
        return {service.name: service.child.pid for service in self._services()}

    def __enter__(self) -> Self:
        self.folder.__enter__()
        try:
            self._choose()
            self._keeper = _Keeper(self._services(), self._say)
            self._keeper.start()
            self._keeper.started.result()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keeper:
            self._keeper.stop()
            self._keeper = None
        self.folder.__exit__(None, None, None)

    def _services(self) -> list[Service]:
        return [service for service in (self._mongodb, self._redis) if service]

    def _choose(self) -> None:
        logs = self.folder.subfolder("logs")
        if not self._environment.get("MONGODB_URI"):
            check_disk(self.folder.path, self._say)
            program = find_mongod(self._environment, self._machine)
            folder = self.folder.subfolder("mongodb")
            self._mongodb = EmbeddedMongoDB(program, folder, logs / "mongod.log", self._mongod_extra)
        if self._environment.get("REDIS_URL"):
            return
        if found := find_redis(self._environment, self._machine):
            self._redis = EmbeddedRedis(found, self.folder.subfolder("redis"), logs / "redis.log")
        else:
            self._say("warning: no Redis was found, so one process serves all and caches in its own memory")


class _Keeper(Thread):
    """Starts the services, starts again whichever dies, and stops them.

    All in one thread that stays, because a child is told to end when the thread that started it ends.
    """

    def __init__(self, services: Sequence[Service], say: Callable[[str], None]) -> None:
        super().__init__(name="keeper", daemon=True)
        self._services = services
        self._say = say
        self._stopping = Event()
        self._not_before: dict[str, float] = {}
        self.started: Future[None] = Future()

    def stop(self) -> None:
        """Return when all services have stopped."""
        self._stopping.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """Start all, tell the future, watch until told to stop."""
        try:
            for service in self._services:
                service.start(self._stopping)
            self.started.set_result(None)
            self._watch()
        except Exception as error:
            self.started.set_exception(error)
        finally:
            for service in reversed(self._services):
                service.child.stop(STOP_SECONDS)

    def _watch(self) -> None:
        ticks = 0
        while not self._stopping.wait(TICK_SECONDS):
            ticks += 1
            for service in self._services:
                try:
                    self._look_after(service, trim=ticks % TRIM_EVERY_TICKS == 0)
                except (
                    Exception
                ) as error:  # such as a full disk: whatever it is, the others need their keeper
                    self._tell(f"{service.name}: {error}")

    def _look_after(self, service: Service, *, trim: bool) -> None:
        if trim:
            service.child.trim_log()
        code = service.child.code
        if code is None or time.monotonic() < self._not_before.get(service.name, 0.0):
            return
        began = time.monotonic()
        self._not_before[service.name] = began + MIN_SECONDS_BETWEEN_STARTS
        try:
            service.restart(self._stopping)
        except CannotStart as error:
            self._not_before[service.name] = time.monotonic() + SECONDS_AFTER_A_FAILED_START
            if not self._stopping.is_set():
                self._tell(f"{service.name} ended ({ending(code)}) and does not start again yet: {error}")
            return
        took = time.monotonic() - began
        self._tell(f"{service.name} ended ({ending(code)}); it runs again after {took:.1f} s")

    def _tell(self, text: str) -> None:
        with suppress(OSError, ValueError):  # a closed terminal must not end the keeper
            self._say(text)
