"""Processes that only run jobs: gunicorn over the application, which then serves health and figures alone.

gunicorn starts a process again that died, and at SIGTERM lets each claim nothing more, finish and release.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from config.settings import Settings, SettingsError
from startup_scripts.env_file import env_file
from startup_scripts.local_environment import running
from startup_scripts.local_server import ROOT

DEFAULT_PORT: Final = 8001
GUNICORN: Final = (sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "main:create_app()")


def main(arguments: Sequence[str] | None = None) -> str:
    """Become gunicorn; return why not where the settings do not make a worker."""
    given = {**env_file(), **os.environ}
    environment = environment_for(options(arguments, given), given)
    try:
        Settings.from_env(environment)
    except SettingsError as error:
        return str(error)
    os.chdir(ROOT)
    return os.execve(GUNICORN[0], GUNICORN, environment)  # noqa: S606 - no shell is the point


def options(arguments: Sequence[str] | None, environment: Mapping[str, str]) -> argparse.Namespace:
    """Return what the person asked for: on the command line, else in the environment."""
    parser = argparse.ArgumentParser(prog="start_worker.py", description=__doc__)
    add, get = parser.add_argument, environment.get
    health = f"where health and figures are served; {DEFAULT_PORT} by default, 0 finds a free one"
    add("--port", type=int, default=get("WORKER_PORT") or DEFAULT_PORT, metavar="N", help=health)
    add("--processes", type=int, default=1, metavar="N", help="how many processes; one by default")
    add("--data-dir", type=Path, default=get("DATA_DIR") or ROOT / "data", metavar="DIR")
    return parser.parse_args(arguments)


def environment_for(wanted: argparse.Namespace, given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a worker; a server of this machine over the same folder tells the rest."""
    data_dir = wanted.data_dir.absolute()
    return {
        **running(data_dir),
        **given,
        "DATA_DIR": str(data_dir),
        "PORT": str(wanted.port),
        "WEB_CONCURRENCY": str(wanted.processes),
        "WEB_ROLE": "worker",
        "MALLOC_ARENA_MAX": given.get("MALLOC_ARENA_MAX", "2"),
    }
