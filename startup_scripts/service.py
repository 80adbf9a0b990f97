"""What the MongoDB and the Redis of one machine have in common."""

import importlib.metadata
import os
import re
import shutil
import stat
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Event
from typing import Final, Protocol

from startup_scripts.child import Child, ending
from startup_scripts.errors import CannotStart
from startup_scripts.ports import answers

START_SECONDS: Final = 120.0
_NOT_FOUND: Final = 127
_ILLEGAL_INSTRUCTION: Final = -4
_MISSING_LIBRARY: Final = re.compile(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object")
_OLD_LIBC: Final = re.compile(r"version [`'](GLIBC[\w.]+)' not found")


class Service(Protocol):
    """A server that the keeper starts, watches and starts again."""

    name: str

    @property
    def child(self) -> Child:
        """The process as it is now."""

    def start(self, cancelled: Event) -> None:
        """Return when it serves; raise CannotStart when it never will."""

    def restart(self, cancelled: Event) -> None:
        """Serve again on the port of before."""


def on_path(names: Iterable[str], environment: Mapping[str, str]) -> Path | None:
    """Return the first of these programs that is on the environment's PATH."""
    for name in names:
        if found := shutil.which(name, path=environment.get("PATH", "")):
            return Path(found)
    return None


def in_wheel(distribution: str, inside: str) -> Path | None:
    """Return the program that an installed package carries, without importing the package."""
    try:
        program = Path(str(importlib.metadata.distribution(distribution).locate_file(inside)))
    except importlib.metadata.PackageNotFoundError:
        return None
    if not program.is_file():
        return None
    if not os.access(program, os.X_OK):
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def wait_until_listening(name: str, child: Child, port: int, cancelled: Event) -> None:
    """Return when the child accepts connections; raise CannotStart with its reason when it does not."""
    give_up = time.monotonic() + START_SECONDS
    while not answers(port):
        if child.code is not None:
            raise CannotStart(explain(name, child))
        if cancelled.wait(0.01):
            raise CannotStart(f"{name}: the start was cancelled")
        if time.monotonic() > give_up:
            raise CannotStart(
                f"{name} does not listen after {START_SECONDS:.0f} s. Its last words:\n{child.tail()}"
            )


def explain(name: str, child: Child) -> str:
    """Return why a server ended at once, and what helps."""
    said, code = child.tail(), child.code or 0
    if library := _MISSING_LIBRARY.search(said):
        return f"{name} needs the library {library[1]}, which is missing here.\n{_packages(library[1])}"
    if libc := _OLD_LIBC.search(said):
        return f"{name} needs {libc[1]}: use Debian 12, Ubuntu 22.04 or newer.\n{_WAYS}"
    if code == _ILLEGAL_INSTRUCTION:
        return f"{name} cannot run on this processor: it needs AVX instructions.\n{_WAYS}"
    return f"{name} ended at once ({ending(code)}). Its last words:\n{said}"


_WAYS: Final = "Or set MONGODB_URI (REDIS_URL) to a server elsewhere."
_PACKAGES: Final = {"libcrypto": "libssl3", "libssl": "libssl3", "libcurl": "libcurl4", "liblzma": "liblzma5"}


def _packages(library: str) -> str:
    package = _PACKAGES.get(library.split(".so", 1)[0])
    return (f"On Debian and Ubuntu: apt-get install {package}. " if package else "") + _WAYS
