"""A child that behaves as the test asks."""

import os
import resource
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from utils.limited_process import serve


def behave(request: dict[str, Any]) -> Iterator[dict[str, object]]:
    yield {"said": request.get("say"), "pid": os.getpid()}
    sys.stdout.flush()
    how = globals()[request.get("behave", "well")]
    yield from how() or ()


def well() -> None:
    pass


def tell_everything() -> Iterator[dict[str, object]]:
    yield {
        "environment": dict(os.environ),
        "files": sorted(int(name) for name in os.listdir("/proc/self/fd")),
        "limits": [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE)],
        "group": os.getpgid(0),
        "nice": os.nice(0),
    }


def eat_memory() -> None:
    kept = []
    while True:
        kept.append(bytearray(10 * 1024 * 1024))


def compute() -> None:
    while True:
        pass


def wait() -> None:
    sys.stdout.buffer.flush()
    time.sleep(60)


def print_without_end() -> Iterator[dict[str, object]]:
    while True:
        yield {"x": "x" * 1000}


def print_one_endless_line() -> None:
    while True:
        sys.stdout.write("x" * 1000)


def complain_and_die() -> None:
    sys.stderr.write("noise " * 100_000 + "the last word")
    os._exit(3)


def abort() -> None:
    os.abort()


def write_a_file() -> Iterator[dict[str, object]]:
    path = Path("/tmp") / f"limited-{os.getpid()}"
    try:
        path.write_bytes(b"stolen")
        yield {"refused": False}
    except OSError as error:
        yield {"refused": True, "why": error.strerror}
    finally:
        path.unlink(missing_ok=True)


def open_many_files() -> Iterator[dict[str, object]]:
    try:
        kept = [socket.socketpair() for _ in range(100)]
        yield {"opened": len(kept)}
    except OSError as error:
        yield {"opened": None, "why": error.strerror}


if __name__ == "__main__":
    serve(behave)
