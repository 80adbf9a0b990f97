"""The one-machine start from end to end, around a stand-in for the application."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from startup_scripts.ports import LOOPBACK
from tests.servers import Server
from tests.waiting import until


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as reply:
        return str(reply.read().decode())


def test_serves_with_its_own_servers_and_stops_all_on_sigterm(
    standin: Path, tmp_path: Path, leaves_nothing: Callable[[int], None]
) -> None:
    began = time.monotonic()
    with Server(tmp_path / "data", "--workers", "2", root=standin) as server:
        print(f"ready after {time.monotonic() - began:.2f} s")
        pids = server.pids
        leaves_nothing(server.child.pid)
        assert all([pids.master, pids.mongod, pids.redis])
        assert len(pids.workers) == 2
        assert get(f"{server.url}/environment/MONGODB_URI").endswith("/versant?directConnection=true")
        assert get(f"{server.url}/environment/PUBLIC_URL") == server.url
        assert (tmp_path / "data" / "running.json").stat().st_mode & 0o777 == 0o600
        assert "migrated as superadmin" in (tmp_path / "data" / "logs" / "migrate.log").read_text()

        assert server.stop() == 0

    assert not (tmp_path / "data" / "running.json").exists()
    assert server.said.read_text().endswith(
        "stopping: requests in flight may finish, for 30 s at most\nstopped\n"
    )


def test_sample_runs_once(standin: Path, tmp_path: Path, processes: list[subprocess.Popen[str]]) -> None:
    said = ""
    command = [sys.executable, str(standin / "startup_scripts" / "start_local.py"), "--port", "0"]
    for _ in range(2):
        environment = os.environ | {"DATA_DIR": str(tmp_path / "data"), "ENV_FILE": os.devnull}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        processes.append(process)
        assert process.stdout
        assert process.stdout.readline().startswith("ready http://127.0.0.1:")
        until((tmp_path / "data" / "sample.done").exists, "the sample")
        process.send_signal(signal.SIGINT)
        said += process.communicate(timeout=120)[0]
        assert process.returncode == 0

    assert said.count("sample for http://127.0.0.1:") == 1


def test_server_that_ends_by_itself_is_reported_with_its_last_words(
    standin: Path, tmp_path: Path, leaves_nothing: Callable[[int], None]
) -> None:
    with Server(tmp_path / "data", root=standin) as server:
        leaves_nothing(server.child.pid)
        os.kill(server.pids.master, signal.SIGKILL)

        assert server.child.wait(120) == 1

    assert "The server ended by itself (signal 9). Its last words:" in server.said.read_text()


def test_failed_migration_stops_the_start(
    standin: Path, tmp_path: Path, leaves_nothing: Callable[[int], None]
) -> None:
    server = Server(tmp_path / "data", root=standin, environment={"STANDIN_MIGRATE": "3"})
    with pytest.raises(
        AssertionError, match=r"(?s)exit code 1: .*The migrations failed \(exit code 3\):\nmigrated as"
    ):
        server.start()


def test_taken_port_stops_the_start(standin: Path, tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        port = str(other.getsockname()[1])
        server = Server(tmp_path / "data", "--port", port, root=standin)
        with pytest.raises(
            AssertionError, match=rf"exit code 1: Port {port} is in use by .*pid {os.getpid()}"
        ):
            server.start()


def test_second_one_over_the_same_folder_is_refused(standin: Path, tmp_path: Path) -> None:
    with Server(tmp_path / "data", root=standin) as server:
        script = str(standin / "startup_scripts" / "start_local.py")
        again = [sys.executable, script, "--port", "0", "--data-dir", str(server.data_dir)]
        result = subprocess.run(again, capture_output=True, text=True, timeout=120)

        assert result.returncode == 1
        assert f"another VERSANT (pid {server.child.pid}) uses {server.data_dir}" in result.stderr


def test_everything_dies_with_a_killed_starter_and_starts_again(
    standin: Path, tmp_path: Path, leaves_nothing: Callable[[int], None]
) -> None:
    server = Server(tmp_path / "data", root=standin)
    server.start()
    leaves_nothing(server.child.pid)
    account = json.loads((tmp_path / "data" / "superadmin.json").read_text())
    os.kill(server.child.pid, signal.SIGKILL)
    server.child.wait(60)

    with Server(tmp_path / "data", root=standin) as server:
        assert get(f"{server.url}/environment/SUPERADMIN_PASSWORD") == account["password"]
