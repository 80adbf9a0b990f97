"""The whole product on one machine: services, migrations, server, sample; later all stopped in reverse."""

import argparse
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from startup_scripts.embedded_services import EmbeddedServices
from startup_scripts.env_file import env_file
from startup_scripts.errors import CannotStart
from startup_scripts.local_environment import environment_for, for_web, note_running
from startup_scripts.local_server import ROOT, LocalServer, flask, migrate
from startup_scripts.ports import free_port, holder, is_free
from startup_scripts.superadmin import FILE as SUPERADMIN_FILE

DEFAULT_PORT: Final = 8000
SAMPLE_DONE: Final = "sample.done"
STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Options:
    data_dir: Path
    port: int | None = None
    sample: bool = True
    workers: int | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; return the exit code: 0 after SIGTERM or Ctrl-C, 1 when it cannot go on."""
    for each in STOP_SIGNALS:
        if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN:  # ignored by nohup: so it stays
            signal.signal(each, _stop)
    try:
        environment = {**env_file(), **os.environ}
        run(options(arguments, environment), environment)
    except KeyboardInterrupt:
        _say("stopped")
        return 0
    except CannotStart as error:
        print(error, file=sys.stderr, flush=True)
        return 1


def options(arguments: Sequence[str] | None, environment: Mapping[str, str]) -> Options:
    """Return what the person asked for: on the command line, else in the environment."""
    parser = argparse.ArgumentParser(prog="start_local.py", description=__doc__)
    add = parser.add_argument
    port, folder = environment.get("PORT") or None, environment.get("DATA_DIR") or ROOT / "data"
    add(
        "--port", type=_port, default=port, metavar="N", help=f"{DEFAULT_PORT} by default; 0 finds a free one"
    )
    add(
        "--data-dir",
        type=Path,
        default=folder,
        metavar="DIR",
        help="where everything is kept; ./data by default",
    )
    add("--no-sample", action="store_true", help="do not import samples/roster_500.xlsx")
    add(
        "--workers",
        type=_workers,
        metavar="N",
        help="how many processes serve; by cores, at most 2, by default",
    )
    given = parser.parse_args(arguments)
    return Options(given.data_dir.absolute(), given.port, not given.no_sample, given.workers)


def run(wanted: Options, environment: Mapping[str, str]) -> NoReturn:
    """Start everything and stay. Leaves only by an exception; whatever has started is stopped in reverse."""
    port = choose_port(wanted.port)
    with ExitStack() as stack:
        services = stack.enter_context(EmbeddedServices(wanted.data_dir, environment=environment, say=_say))
        told = environment_for(environment, services, port)
        logs = services.folder.subfolder("logs")
        migrate(told, logs / "migrate.log")
        server = LocalServer(for_web(told, wanted.workers), logs / "server.log")
        stack.callback(_drain, server)
        server.start()
        stack.callback(note_running(told).unlink, missing_ok=True)
        _say(f"ready {server.url}")
        _say(
            f"log {logs / 'server.log'}; superadmin in {wanted.data_dir / SUPERADMIN_FILE}; Ctrl-C stops all"
        )
        if wanted.sample:
            _run_sample(stack, server, told)
        while True:
            server.stay(seconds=10)


def choose_port(asked: int | None) -> int:
    """Return the port to serve on; raise CannotStart where the one that was asked for is taken."""
    wanted = DEFAULT_PORT if asked is None else asked
    if wanted == 0:
        return free_port()
    try:
        if is_free(wanted):
            return wanted
    except OSError as error:
        raise CannotStart(f"Port {wanted} cannot be used ({error.strerror}); choose another --port") from None
    taken = f"Port {wanted} is in use by {holder(wanted)}"
    if asked is not None:
        raise CannotStart(f"{taken}; stop it or choose another --port")
    port = free_port()
    _say(f"{taken}; this is port {port} instead")
    return port


def _run_sample(stack: ExitStack, server: LocalServer, environment: Mapping[str, str]) -> None:
    done = Path(environment["DATA_DIR"]) / SAMPLE_DONE
    if done.exists():
        return
    child = flask("sample", "--url", server.url, environment=environment)
    stack.callback(child.stop, 5.0)
    child.start()
    while child.code is None:
        server.stay(seconds=0.5)
    if child.code == 0:
        done.touch()
    else:
        _say("the sample did not finish; the server runs on without it")


def _drain(server: LocalServer) -> None:
    _say("stopping: requests in flight may finish, for 30 s at most")
    server.stop()


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _workers(text: str) -> int:
    workers = int(text)
    if workers < 1:
        raise argparse.ArgumentTypeError("at least one worker is needed")
    return workers


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    """Interrupt whatever runs now, once: what follows is orderly and not interrupted a second time."""
    for each in STOP_SIGNALS:
        signal.signal(each, _already_stopping)
    raise KeyboardInterrupt


def _already_stopping(_number: int, _frame: FrameType | None) -> None:
    pass


def _say(text: str) -> None:
    with suppress(OSError):  # the terminal may be gone; that must not disturb an orderly end
        print(text, flush=True)
