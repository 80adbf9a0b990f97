"""The folder that holds everything an installation keeps: made, checked, used by one server at a time."""

import fcntl
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from startup_scripts.errors import CannotStart

WARN_BELOW: Final = 500 * 1024 * 1024
REFUSE_BELOW: Final = 200 * 1024 * 1024


class DataFolder:
    """A data folder that is ours alone while the ``with`` block runs, and free again however we end."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock = -1

    def subfolder(self, name: str) -> Path:
        """Return a folder inside that only this user may open."""
        folder = self.path / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def __enter__(self) -> Self:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CannotStart(
                f"The data folder {self.path} cannot be written ({error.strerror}); choose --data-dir"
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
            self._release()
            raise CannotStart(
                f"another VERSANT (pid {owner}) uses {self.path}; stop it or choose --data-dir"
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            os.ftruncate(self._lock, 0)
        self._release()

    def _release(self) -> None:
        os.close(self._lock)
        self._lock = -1


def check_disk(folder: Path, say: Callable[[str], None], free: int | None = None) -> None:
    """Raise CannotStart where a database could not even open its files; warn where it soon could not."""
    free = shutil.disk_usage(folder).free if free is None else free
    left = f"only {free // 1024**2} MB are free on the disk of {folder}"
    if free < REFUSE_BELOW:
        raise CannotStart(f"{left}; the database needs {REFUSE_BELOW // 1024**2} MB or more to start")
    if free < WARN_BELOW:
        say(f"warning: {left}; make room before the database stops accepting writes")
