"""The servers of a test run: one pair for all its processes, gone when the run is, however it ended."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.servers import ROOT, runs
from tests.waiting import until

A_RUN = """
import os, time
from pathlib import Path
import pytest
from pymongo import MongoClient
from tests import servers

@pytest.mark.parametrize("number", range(4))
def test_asks(number):
    with MongoClient(servers.mongo_server(), serverSelectionTimeoutMS=5000) as client:
        pid = client.admin.command("serverStatus")["pid"]
    Path(f"asked-{os.getpid()}-{number}").write_text(f"{pid} {servers.redis_server()}")
    time.sleep(float(os.environ.get("LINGER", "0.2")))
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run of its own over two processes, without the conftest that would stop its servers in order."""
    (tmp_path / "test_asks.py").write_text(A_RUN)
    (tmp_path / "pytest.ini").touch()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "test_asks.py"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT), "LINGER": "5"},
        stdout=subprocess.DEVNULL,
    )
    yield process
    process.kill()
    process.wait()


def test_run_shares_one_pair_and_leaves_nothing_when_it_is_killed(
    run: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    asked = until(lambda: len(found := list(tmp_path.glob("asked-*"))) > 1 and found, "two that ask", 240.0)
    assert asked
    time.sleep(0.1)
    assert len({re.split("-", each.name)[1] for each in asked}) == 2
    (answers,) = {each.read_text() for each in asked}
    mongod = psutil.Process(int(answers.split()[0]))
    holder = mongod.parent()
    assert holder

    os.kill(run.pid, signal.SIGKILL)

    until(lambda: not runs(mongod) and not runs(holder), "nothing left")
