"""Fixtures: real processes, each stopped at the end of its test."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from startup_scripts.embedded_services import EmbeddedServices
from tests.servers import ROOT, runs
from tests.waiting import until

OWN = {"PATH": os.environ.get("PATH", "")}  # an environment that names no server of somebody else


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory, told: list[str]) -> Iterator[EmbeddedServices]:
    folder = tmp_path_factory.mktemp("services") / "data"
    with EmbeddedServices(folder, environment=OWN, say=told.append) as services:
        yield services


@pytest.fixture
def standin(tmp_path: Path) -> Path:
    """Return a repository whose application is the stand-in."""
    root = tmp_path / "repository"
    shutil.copytree(ROOT / "startup_scripts", root / "startup_scripts")
    shutil.copy(ROOT / "gunicorn.conf.py", root)
    (root / "utils").mkdir()
    for name in ("__init__.py", "hosting.py"):  # all that gunicorn.conf.py may need of ours
        shutil.copy(ROOT / "utils" / name, root / "utils")
    shutil.copy(Path(__file__).with_name("standin_main.py"), root / "main.py")
    return root


@pytest.fixture
def leaves_nothing() -> Iterator[Callable[[int], None]]:
    """Return how to name a process; at the end it must be gone, and whatever it had started."""
    watched: list[psutil.Process] = []

    def watch(pid: int) -> None:
        process = psutil.Process(pid)
        watched.extend([process, *process.children(recursive=True)])

    yield watch
    with suppress(TimeoutError):
        until(lambda: not any(map(runs, watched)))
    alive = [process for process in watched if runs(process)]
    for process in alive:
        process.kill()
    assert alive == []


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    """Return where a test puts what it starts by hand."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()
