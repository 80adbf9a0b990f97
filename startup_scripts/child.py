"""Child processes that die with us, get no Ctrl-C of ours, and write into a log of bounded size."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

TIED: Final = Path(__file__).with_name("tied.py")
LOG_BYTES: Final = 10_000_000


class Child:
    """One program. With a ``log`` it leads a session of its own; without, it shares our terminal.

    It is told to end when the *thread* that started it ends, so start it from one that stays.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path | None = None,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self._command = [str(part) for part in command]
        self._log = log
        self._env = env
        self._cwd = cwd
        self._said_from = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; 0 before the first start."""
        return self._process.pid if self._process else 0

    @property
    def code(self) -> int | None:
        """The exit code (minus the signal's number where one ended it); None while it runs."""
        return self._process.poll() if self._process else 0

    def start(self) -> None:
        """Start it, or start it again."""
        command = [sys.executable, "-I", "-S", str(TIED), str(os.getpid()), *self._command]
        with ExitStack() as stack:
            out = stack.enter_context(self._log.open("ab")) if self._log else None
            self._said_from = out.tell() if out else 0
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT if out else None,
                env=self._env,
                cwd=self._cwd,
                start_new_session=out is not None,
            )

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code; raise subprocess.TimeoutExpired after ``timeout`` seconds."""
        return self._process.wait(timeout) if self._process else 0

    def stop(self, grace: float) -> None:
        """Return once it is gone: asked with SIGTERM, after ``grace`` seconds killed with all it started."""
        if not self._process:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace)
        if self._log:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()

    def tail(self, lines: int = 12) -> str:
        """Return the last lines that it wrote since its latest start."""
        if not self._log or not self._log.exists():
            return ""
        with self._log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            begin = self._said_from if self._said_from <= size else 0
            file.seek(max(begin, size - 16_384))
            text = file.read().decode("utf-8", "replace")
        return "\n".join(text.strip().splitlines()[-lines:])

    def trim_log(self, limit: int = LOG_BYTES) -> None:
        """Move a log that has grown past ``limit`` bytes aside; only the latest one is kept."""
        if self._log and self._log.exists() and self._log.stat().st_size > limit:
            shutil.copyfile(self._log, self._log.with_name(f"{self._log.name}.1"))
            os.truncate(self._log, 0)  # the child appends, so it goes on writing at the new end


def ending(code: int) -> str:
    """Return how a process ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    return f"signal {-code}"
