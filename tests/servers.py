"""Real servers for the tests: one MongoDB and one Redis for a whole run, and the whole product on demand."""

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

import psutil

from startup_scripts.child import Child
from startup_scripts.embedded_services import EmbeddedServices

ROOT: Final = Path(__file__).resolve().parent.parent
MEMORY_DISK: Final = Path("/dev/shm")
MEMORY_DISK_NEEDS: Final = 2 * 1024**3
START_SECONDS: Final = 240.0  # of waiting for a start on a machine that does much else
NOT_OURS: Final = (
    "MONGODB_URI",
    "REDIS_URL",
    "DATA_DIR",
    "PORT",
    "PUBLIC_URL",
    "WEB_CONCURRENCY",
    "BREVO_API_KEY",
)


def mongo_server() -> str:
    """Return the address of the run's replica set, no database in its path. Table scans are refused."""
    return _addresses()["mongodb"]


def redis_server() -> str:
    """Return the address of the run's Redis, with its password, database 0."""
    return _addresses()["redis"]


def stop_servers() -> None:
    """Stop the run's servers, if any were asked for, and return when they are gone.

    For the process that leads the run, at its end. Without this they stop by themselves, a little later.
    """
    folder = _folder()
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, psutil.Error):
        holder = psutil.Process(json.loads((folder / "servers.json").read_text())["holder"])
        holder.terminate()
        for _ in _until(30.0):
            if not runs(holder):
                return


def runs(process: psutil.Process) -> bool:
    """Tell whether a process is alive; one that only waits to be buried is not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _leader() -> int:
    """Return the process that leads the run: pytest itself, or the one whose pytest-xdist worker we are."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


def _folder() -> Path:
    leader = psutil.Process(_leader())
    return (
        Path(tempfile.gettempdir()) / f"versant-tests-{os.getuid()}-{leader.pid}-{int(leader.create_time())}"
    )


@cache
def _addresses() -> Mapping[str, str]:
    """Return the addresses; the first process of the run that asks has the servers started."""
    folder = _folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} is somebody else's")
    with (folder / "start.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "servers.json").exists():
            _start_holder(folder)
    return dict(json.loads((folder / "servers.json").read_text())["addresses"])


def _start_holder(folder: Path) -> None:
    """Start the process that holds the servers. Not a child that must be waited for: it outlives a worker."""
    said = folder / "said.log"
    to_file = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    holder = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "tests.servers", str(_leader()), str(folder)],
        {**os.environ, "PYTHONPATH": str(ROOT)},
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, str(said), to_file, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2)],
        setsid=True,
    )
    for _ in _until(START_SECONDS):
        if (folder / "servers.json").exists():
            return
        if os.waitpid(holder, os.WNOHANG)[0]:
            break
    raise RuntimeError(f"The servers for the tests did not start: {said.read_text()}")


def hold(leader: int, folder: Path) -> None:
    """Hold the servers until told to stop or until the leader of the run is gone; leave nothing behind."""
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: told.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    data = Path(tempfile.mkdtemp(prefix="versant-data-", dir=fast_disk()))
    try:
        with EmbeddedServices(
            data, environment={"PATH": os.environ.get("PATH", "")}, mongod_extra=["--notablescan"]
        ) as services:
            _publish(folder, services)
            watched = os.pidfd_open(leader)
            while not told and not select.select([watched], [], [], 0.1)[0]:
                pass
    except ProcessLookupError:  # the leader was gone before we could watch it
        pass
    finally:
        shutil.rmtree(data, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def _publish(folder: Path, services: EmbeddedServices) -> None:
    addresses = {"mongodb": services.mongodb_uri.replace("/versant?", "/?"), "redis": services.redis_url}
    draft = folder / "servers.draft"
    draft.write_text(json.dumps({"holder": os.getpid(), "addresses": addresses}))
    draft.replace(folder / "servers.json")


def fast_disk() -> Path:
    """Return a folder in memory where there is room: every write is still journalled, only sooner done."""
    with contextlib.suppress(OSError):
        if os.access(MEMORY_DISK, os.W_OK) and shutil.disk_usage(MEMORY_DISK).free > MEMORY_DISK_NEEDS:
            return MEMORY_DISK
    return Path(tempfile.gettempdir())


def _until(seconds: float) -> Iterator[None]:
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        yield
        time.sleep(0.02)


class Pids(NamedTuple):
    master: int
    workers: list[int]
    mongod: int
    redis: int


class Server:
    """The whole product as ``make serve`` starts it, over a folder of its own, while the block runs."""

    def __init__(
        self, data_dir: Path, *arguments: str, environment: Mapping[str, str] | None = None, root: Path = ROOT
    ) -> None:
        self.data_dir = data_dir
        self.said = data_dir.with_name(f"{data_dir.name}.said")
        port = () if "--port" in arguments else ("--port", "0")
        script = root / "startup_scripts" / "start_local.py"
        self.child = Child(
            [sys.executable, script, "--no-sample", "--data-dir", data_dir, *port, *arguments],
            self.said,
            env=clean_environment() | dict(environment or {}),
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def start(self) -> None:
        """Return when it has said that it is ready; raise AssertionError with its words otherwise."""
        self.child.start()
        for _ in _until(START_SECONDS):
            if self.ready_line:
                return
            if self.child.code is not None:
                break
        words = self.child.tail(50)
        self.stop()
        raise AssertionError(f"no ready line, exit code {self.child.code}: {words}")

    def stop(self) -> int:
        """Send SIGTERM; return the exit code when all is stopped."""
        self.child.stop(60.0)
        return self.child.wait()

    def end(self) -> None:
        """Kill it with all that it started: to stop in order takes seconds, and has tests of its own."""
        if self.child.code is not None:
            return
        starter = psutil.Process(self.child.pid)
        started = starter.children(recursive=True)
        for process in [starter, *started]:  # first the one that would start the others again
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.child.wait()
        psutil.wait_procs(started, timeout=30.0)

    @property
    def ready_line(self) -> str:
        """The line by which scripts know that it serves; empty before."""
        lines = self.child.tail(1000).splitlines()
        return next((line for line in lines if line.startswith("ready http://")), "")

    @property
    def url(self) -> str:
        """Where it serves."""
        return self.ready_line.removeprefix("ready ")

    @property
    def log(self) -> str:
        """What gunicorn and the application wrote."""
        return (self.data_dir / "logs" / "server.log").read_text()

    @property
    def pids(self) -> Pids:
        """The processes as they are now; 0 for one that does not run."""
        children = psutil.Process(self.child.pid).children()
        master = next((child for child in children if "gunicorn" in child.cmdline()), None)
        workers = [worker.pid for worker in master.children()] if master else []
        named = {child.name(): child.pid for child in children}
        redis = named.get("valkey-server") or named.get("redis-server") or 0
        return Pids(master.pid if master else 0, workers, named.get("mongod", 0), redis)


def clean_environment() -> dict[str, str]:
    """Return our environment without what would lead a test to servers or providers that are not its own."""
    kept = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    return kept | {"ENV_FILE": os.devnull}


if __name__ == "__main__":
    hold(int(sys.argv[1]), Path(sys.argv[2]))
