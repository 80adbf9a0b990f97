"""The application on one machine: migrated, served by gunicorn, asked whether it is ready, drained."""

import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from http.client import OK, HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from startup_scripts.child import Child, ending
from startup_scripts.errors import CannotStart
from startup_scripts.ports import LOOPBACK

ROOT: Final = Path(__file__).resolve().parent.parent
READY_SECONDS: Final = 120.0
MIGRATE_SECONDS: Final = 600.0
DRAIN_SECONDS: Final = 35.0  # gunicorn's graceful 30 and some to say goodbye


def flask(*arguments: str, environment: Mapping[str, str], log: Path | None = None) -> Child:
    """Return a command of the application, ready to start; it writes to our terminal or into ``log``."""
    command = [sys.executable, "-m", "flask", "--app", "main", *arguments]
    return Child(command, log, env=environment, cwd=ROOT)


def migrate(environment: Mapping[str, str], log: Path) -> None:
    """Bring the database up to date; raise CannotStart with what the command said when it fails."""
    child = flask("migrate", environment=environment, log=log)
    child.start()
    try:
        code = child.wait(MIGRATE_SECONDS)
    except subprocess.TimeoutExpired:
        raise CannotStart(f"The migrations take longer than {MIGRATE_SECONDS:.0f} s; see {log}") from None
    finally:
        child.stop(5.0)
    if code:
        raise CannotStart(f"The migrations failed ({ending(code)}):\n{child.tail()}")


class LocalServer:
    """gunicorn with its workers."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._port = int(environment["PORT"])
        self.url = f"http://{LOOPBACK}:{self._port}"
        self._log = log
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "main:create_app()"]
        self._child = Child(command, log, env=environment, cwd=ROOT)

    def start(self) -> None:
        """Return when it answers that it is ready; raise CannotStart when it ends or does not get there."""
        self._child.start()
        give_up = time.monotonic() + READY_SECONDS
        while answer := _not_ready(self._port):
            self._expect_alive("did not start")
            if time.monotonic() > give_up:
                raise CannotStart(
                    f"Not ready after {READY_SECONDS:.0f} s: {answer}. See {self._log}\n{self._child.tail()}"
                )
            time.sleep(0.05)

    def stay(self, seconds: float) -> None:
        """Return after so many seconds of service; raise CannotStart when it ends by itself."""
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(seconds)
        self._child.trim_log()
        self._expect_alive("ended by itself")

    def stop(self) -> None:
        """Let requests in flight finish, then end it."""
        self._child.stop(DRAIN_SECONDS)

    def _expect_alive(self, what: str) -> None:
        code = self._child.code
        if code is not None:
            raise CannotStart(f"The server {what} ({ending(code)}). Its last words:\n{self._child.tail()}")


def _not_ready(port: int) -> str:
    """Return what the server answers instead of "ready", or why it does not answer; empty once it is ready.

    Not with urllib, which would ask the proxy that the environment names.
    """
    connection = HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        reply = connection.getresponse()
        return "" if reply.status == OK else f"{reply.status} {reply.read(2000)!r}"
    except (OSError, HTTPException) as error:
        return str(error)
    finally:
        connection.close()
