"""A child process with limits, for work on a file that somebody hostile may have made."""

import ctypes
import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}  # nothing of ours: it holds secrets
EXIT_OUT_OF_MEMORY: Final = 86
PR_SET_PDEATHSIG: Final = 1
NICENESS: Final = 5  # requests come first; more would starve the child on a busy day until it is killed
READ_BYTES: Final = 65_536
LONGEST_LINE: Final = 1024 * 1024
STDERR_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may use. ``wall_seconds`` is how long we wait for it, our own work not counted."""

    memory_mb: int = 512
    cpu_seconds: int = 20
    wall_seconds: float = 30.0
    output_bytes: int = 64 * 1024 * 1024
    open_files: int = 32


class ChildFailed(Exception):
    """The child did not finish its work. ``stderr`` is for developers and may quote the file."""

    def __init__(self, text: str, stderr: str = "") -> None:
        super().__init__(text)
        self.stderr = stderr


class OutOfMemory(ChildFailed):
    """The child needed more memory than it may have."""


class OutOfTime(ChildFailed):
    """The child computed, or kept us waiting, longer than it may."""


class Killed(ChildFailed):
    """Somebody ended the child: a person, or a system short of memory. It says nothing about the work."""


class Crashed(ChildFailed):
    """The child broke, or printed what it may not."""


@contextmanager
def run_limited(module: str, request: Mapping[str, object], limits: Limits) -> Iterator[Iterator[bytes]]:
    """Start ``python -m module`` and give the lines that it prints; a ChildFailed rises while reading them.

    The child reads ``request`` plus ``limits`` from its standard input through ``serve``. Leaving the block
    ends the child, whatever it is doing.
    """
    terms = asdict(limits) | {"parent": os.getpid()}
    with tempfile.TemporaryFile() as stdin:
        stdin.write(json.dumps({**request, "limits": terms}).encode())
        stdin.seek(0)
        child = _start(module, stdin)
    try:
        with closing(_lines(_Output(child, limits))) as lines:
            yield lines
    finally:
        _end(child)


def serve(work: Callable[[dict[str, Any]], Iterable[Mapping[str, object]]]) -> None:
    """Be the child: take the limits upon us, do the work, print one JSON line per result."""
    request = json.load(sys.stdin.buffer)
    terms = request.pop("limits")
    harden(terms.pop("parent"), Limits(**terms))
    try:
        for result in work(request):
            line = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
            sys.stdout.buffer.write(line.encode() + b"\n")
        sys.stdout.buffer.flush()
    except MemoryError:
        os._exit(EXIT_OUT_OF_MEMORY)


def harden(parent: int, limits: Limits) -> None:
    """Give up this process's own rights: memory, time, files, children, and outliving its parent.

    It runs in the child itself, since code between fork and exec is not safe in a program with threads.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    os.nice(NICENESS)
    memory = limits.memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits.open_files, limits.open_files))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


class _Output:
    """What a child prints, chunk by chunk, within the limits."""

    def __init__(self, child: subprocess.Popen[bytes], limits: Limits) -> None:
        self._child = child
        self._patience = limits.wall_seconds
        self._bytes_left = limits.output_bytes
        self._stderr = b""

    def chunks(self) -> Iterator[bytes]:
        """Yield what arrives on standard output; raise a ChildFailed when the child did not end well."""
        with selectors.DefaultSelector() as selector:
            for pipe in filter(None, (self._child.stdout, self._child.stderr)):
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                for key in self._ready(selector):
                    data = os.read(key.fd, READ_BYTES)
                    if not data:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is self._child.stderr:
                        self._stderr = (self._stderr + data)[-STDERR_BYTES:]
                    else:
                        yield self._counted(data)
        self._judge()

    def _ready(self, selector: selectors.BaseSelector) -> list[selectors.SelectorKey]:
        asked_at = time.monotonic()
        ready = [key for key, _ in selector.select(max(self._patience, 0))]
        self._patience -= time.monotonic() - asked_at
        if not ready:
            raise OutOfTime("It took longer than it may.", self._told())
        return ready

    def _counted(self, data: bytes) -> bytes:
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise Crashed("It printed more than it may.", self._told())
        return data

    def _judge(self) -> None:
        try:
            status = self._child.wait(max(self._patience, 0.1))
        except subprocess.TimeoutExpired:
            raise OutOfTime("It took longer than it may.", self._told()) from None
        if status == -signal.SIGXCPU:
            raise OutOfTime("It computed longer than it may.", self._told())
        if status == EXIT_OUT_OF_MEMORY:
            raise OutOfMemory("It needed more memory than it may have.", self._told())
        if status == -signal.SIGKILL:
            raise Killed("It was killed.", self._told())
        if status:
            raise Crashed(f"It ended with status {status}.", self._told())

    def _told(self) -> str:
        return self._stderr.decode("utf-8", "replace")


def _lines(output: _Output) -> Generator[bytes]:
    rest = b""
    for chunk in output.chunks():
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise Crashed("It printed a line without end.")
        yield from lines
    if rest:
        raise Crashed("It stopped in the middle of a line.")


def _start(module: str, stdin: IO[bytes]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-s", "-m", module]
    return subprocess.Popen(  # noqa: S603  our own interpreter, one of our own modules
        command,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd=ROOT,
        env=ENVIRONMENT,
        start_new_session=True,
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    for pipe in filter(None, (child.stdout, child.stderr)):
        pipe.close()
