"""CodeRunner on this machine: each program alone in namespaces of its own, with limits, for one case.

What it may do and how it is locked in is ``locked_in.py``; here it is watched, ended in time, and judged.
"""

import json
import logging
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from integrations.locked_in import NOBODY
from integrations.toolchains import command, compiler, shown
from services.questions.scoring.programs import Verdict
from services.results.documents import CaseFound
from services.results.providers import Program, RunnerAway, Trial

logger = logging.getLogger(__name__)

LOCK: Final = Path(__file__).with_name("locked_in.py")
ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8"}
FOLDER: Final = "versant-run-"
LEFT_SECONDS: Final = 3600.0  # a folder of that age belongs to nobody who lives
OURS: Final = 3  # processes that wait for the program
PROCESSES, COMPILER_PROCESSES = 8, 16
COMPILE_SECONDS: Final = 10
COMPILE_WALL_SECONDS: Final = 60.0  # a compiler waits for nothing but the machine
COMPILE_MEMORY_MB: Final = 1024
ROOM_MB: Final = 16  # for temporary files, in memory
FILE_MB: Final = 8
SPARE_SECONDS: Final = (
    10.0  # of waiting, for a machine that is busy; what computes is ended by its time of CPU
)
LATE: Final = 2  # times the time of a case is the limit
MUCH: Final = 64 * 1024  # more output than twice what is expected and this is wrong anyway
STDERR_BYTES: Final = 4096
READ_BYTES: Final = 65_536
NO_MEMORY: Final = (b"MemoryError", b"bad_alloc")
NEARLY_ALL: Final = 0.9
LOOKS_WELL: Final = {
    "python": 'import sys\nprint("ok")\n',
    "c": '#include <stdio.h>\nint main(void){puts("ok");return 0;}\n',
    "cpp": '#include <iostream>\nint main(){std::cout << "ok\\n";}\n',
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What one run may use."""

    cpu_seconds: int
    wall_seconds: float
    memory_mb: int
    output_bytes: int = MUCH
    processes: int = PROCESSES
    compiling: bool = False


@dataclass(slots=True)
class Ran:
    """How a run ended. ``report`` is empty where nobody was left to tell; ``said``: bytes of both outputs."""

    report: dict[str, Any] = field(default_factory=dict)
    output: bytes = b""
    stderr: bytes = b""
    said: int = 0
    too_long: bool = False
    too_much: bool = False

    def heard(self, data: bytes, *, well: bool) -> None:
        """Keep all that came from standard output, and the end of what came from the other."""
        self.said += len(data)
        if well:
            self.output += data
        else:
            self.stderr = (self.stderr + data)[-STDERR_BYTES:]

    @property
    def well(self) -> bool:
        """Whether the program came to its end by itself and said so."""
        return self.report.get("status") == 0 and not self.too_long and not self.too_much


class EmbeddedRunner:
    """Runs Python, and C and C++ where there is a compiler; nothing where nothing can be locked in."""

    def __init__(self, memory_mb: int) -> None:
        self._memory_mb = memory_mb
        self._languages: frozenset[str] = frozenset()

    @property
    def languages(self) -> frozenset[str]:
        """Those in which a first program ran well, tried when it is first asked."""
        if not self._languages:
            _sweep()
            self._languages = frozenset(filter(self._works, LOOKS_WELL))
        return self._languages

    def run(self, program: Program, trials: Sequence[Trial]) -> Iterator[CaseFound]:
        """Compile once, then run each trial when it is asked for."""
        if not trials:
            return
        with _boxed(program) as box:
            compiled = self._compiled(program.language, box)
            for trial in trials:
                yield self._tried(program.language, box, trial) if compiled else FAULTY

    def _works(self, language: str) -> bool:
        try:
            trial = Trial("", "ok", 60_000)
            [found] = self.run(Program(language, LOOKS_WELL[language]), [trial])
        except RunnerAway as fault:
            logger.warning("programs in %s are not run here: %s", language, fault)
            return False
        return found.verdict is Verdict.ACCEPTED

    def _compiled(self, language: str, box: "Box") -> bool:
        making = compiler(language)
        if making is None:
            raise RunnerAway(f"there is no {language}")
        most = COMPILER_PROCESSES
        terms = Terms(COMPILE_SECONDS, COMPILE_WALL_SECONDS, COMPILE_MEMORY_MB, MUCH, most, compiling=True)
        return _locked_in(making, box, b"", terms).well

    def _tried(self, language: str, box: "Box", trial: Trial) -> CaseFound:
        most = trial.time_ms * LATE / 1000
        terms = Terms(
            cpu_seconds=int(most) + 1,
            wall_seconds=most * LATE + SPARE_SECONDS,
            memory_mb=self._memory_mb,
            output_bytes=2 * len(trial.output.encode()) + MUCH,
        )
        return _judged(_locked_in(command(language), box, trial.input.encode(), terms), trial, terms)


FAULTY: Final = CaseFound(verdict=Verdict.COMPILE_ERROR)


@dataclass(frozen=True, slots=True)
class Box:
    """The folders of one program: ``files`` it reads, on an empty ``root`` its own root is put."""

    files: Path
    root: Path


@contextmanager
def _boxed(program: Program) -> Iterator[Box]:
    with tempfile.TemporaryDirectory(prefix=f"{FOLDER}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        box = Box(Path(folder, "files"), Path(folder, "root"))
        for one in (box.files, box.root):
            one.mkdir()
        suffix = {"python": "py"}.get(program.language, program.language)
        (box.files / f"program.{suffix}").write_text(program.source, encoding="utf-8", errors="replace")
        if os.getuid() == 0:  # the program is nobody
            for path in (Path(folder), box.files, box.root, *box.files.iterdir()):
                os.chown(path, NOBODY, NOBODY)
        yield box


def _sweep() -> None:
    """Remove the folders of servers that were killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        with suppress(OSError):
            if left.stat().st_mtime < time.time() - LEFT_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def _judged(ran: Ran, trial: Trial, terms: Terms) -> CaseFound:
    """Say how a run went. What was right and took longer than its time is slow; twice that is too long."""
    cpu_ms = int(ran.report.get("cpu_ms", 0))
    if ran.too_long or cpu_ms > trial.time_ms * LATE or _signal(ran) == signal.SIGXCPU:
        return CaseFound(verdict=Verdict.TIME_LIMIT)
    if ran.too_much:
        return CaseFound(verdict=Verdict.WRONG_ANSWER)
    if not ran.well:
        return CaseFound(verdict=Verdict.MEMORY_LIMIT if _starved(ran, terms) else Verdict.RUNTIME_ERROR)
    if _lines(ran.output.decode("utf-8", "replace")) != _lines(trial.output):
        return CaseFound(verdict=Verdict.WRONG_ANSWER)
    return CaseFound(verdict=Verdict.ACCEPTED, slow=cpu_ms > trial.time_ms)


def _signal(ran: Ran) -> int:
    return int(ran.report.get("status", 0)) & 0x7F


def _starved(ran: Ran, terms: Terms) -> bool:
    used = int(ran.report.get("memory_kb", 0)) * 1024
    return any(word in ran.stderr for word in NO_MEMORY) or used > NEARLY_ALL * terms.memory_mb * 1024**2


def _lines(text: str) -> list[str]:
    """Return what counts of an output: not what is blank at the ends of lines and at its end."""
    lines = [line.rstrip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _locked_in(words: Sequence[str], box: Box, given: bytes, terms: Terms) -> Ran:
    """Run a command in there and return how it went; raise RunnerAway where it could not be locked in."""
    with tempfile.TemporaryFile() as stdin:
        stdin.write(given)
        stdin.seek(0)
        reading, writing = os.pipe()
        try:
            child = _start(words, box, terms, stdin.fileno(), writing)
        finally:
            os.close(writing)
        try:
            return _watched(child, reading, terms)
        finally:
            _end(child)
            os.close(reading)


def _start(words: Sequence[str], box: Box, terms: Terms, stdin: int, report: int) -> Any:
    told = {
        "parent": os.getpid(),
        "report": report,
        "command": list(words),
        "root": str(box.root),
        "box": str(box.files),
        "writable": terms.compiling,
        "forks": terms.compiling,
        "shown": shown(),
        "cpu_seconds": terms.cpu_seconds,
        "memory_mb": terms.memory_mb,
        "processes": terms.processes + OURS,
        "file_mb": FILE_MB,
        "room_mb": ROOM_MB,
    }
    return subprocess.Popen(  # noqa: S603  our own interpreter and file
        [sys.executable, "-I", "-S", str(LOCK), json.dumps(told)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(report,),
        bufsize=0,
        cwd="/",
        env=ENVIRONMENT,
        start_new_session=True,
    )


def _watched(child: Any, report: int, terms: Terms) -> Ran:
    ran, told, until = Ran(), b"", time.monotonic() + terms.wall_seconds
    output = child.stdout.fileno()
    with selectors.DefaultSelector() as selector:
        for pipe in (output, child.stderr.fileno(), report):
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map() and not ran.too_long and not ran.too_much:
            ready = [key.fd for key, _ in selector.select(max(until - time.monotonic(), 0))]
            ran.too_long = not ready
            for pipe in ready:
                if not (data := os.read(pipe, READ_BYTES)):
                    selector.unregister(pipe)
                elif pipe == report:
                    told += data
                else:
                    ran.heard(data, well=pipe == output)
            ran.too_much = ran.said > terms.output_bytes
    for line in told.splitlines():
        ran.report |= json.loads(line)
    if not ran.too_long and not ran.too_much:
        _believe(ran, child.wait())
    return ran


def _believe(ran: Ran, code: int) -> None:
    """Raise RunnerAway where not the program failed: it reaches neither who waits nor who tells."""
    if code != 0 or "started" not in ran.report:
        raise RunnerAway(str(ran.report.get("fault") or f"it ended with {code}: {ran.stderr!r}"))


def _end(child: Any) -> None:
    if child.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    child.stdout.close()
    child.stderr.close()
