"""How gunicorn is set up, and that a worker closes its sockets, finishes its requests and says goodbye."""

import http.client
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socket import create_connection
from typing import Any

import psutil
import pytest
from simple_websocket import Client  # type: ignore[import-untyped]

from startup_scripts.child import Child
from startup_scripts.ports import LOOPBACK, answers, free_port
from tests.servers import ROOT
from tests.waiting import until

UNCLEAR = (
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 5",
    "Content-Length: 5\r\nContent-Length: 6",
    "Content-Length: +5",
    "Content-Length: 5, 5",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding: chunked, chunked",
)
NAMES = (
    "HOST PORT WEB_CONCURRENCY WORKER_CLASS THREADS MAX_SOCKETS WEB_ROLE WORKER_CONNECTIONS REDIS_URL APP_ENV"
)


@pytest.fixture
def conf(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Return how to read the file under an environment of these variables alone."""

    def read(**variables: str) -> dict[str, Any]:
        for name in [*NAMES.split(), "MAX_REQUESTS", "DATA_DIR", "MEMORY_LIMIT_MB", "DYNO"]:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "gunicorn.conf.py"))

    return read


def test_defaults_are_for_one_machine(conf: Callable[..., dict[str, Any]]) -> None:
    found = conf()

    assert (found["bind"], found["worker_class"], found["workers"]) == ("127.0.0.1:8000", "gthread", 1)
    assert (found["keepalive"], found["timeout"], found["graceful_timeout"]) == (10, 180, 30)
    assert found["threads"] == 216
    assert found["worker_connections"] > found["threads"]
    assert (found["max_requests"], found["max_requests_jitter"], found["accesslog"]) == (0, 0, None)


def test_workers_follow_the_machine_once_redis_connects_them(conf: Callable[..., dict[str, Any]]) -> None:
    assert 1 <= conf(REDIS_URL="redis://x")["workers"] <= 2
    assert conf(REDIS_URL="redis://x", WEB_CONCURRENCY="7")["workers"] == 7


def test_web_role_needs_few_threads(conf: Callable[..., dict[str, Any]]) -> None:
    assert conf(WEB_ROLE="web")["threads"] == 8
    assert conf(WEB_ROLE="worker")["threads"] == 2
    assert conf(MAX_SOCKETS="10")["threads"] == 26
    assert conf(MAX_REQUESTS="1000")["max_requests_jitter"] == 100


@pytest.mark.parametrize(
    ("given", "bound"),
    [("0.0.0.0", "0.0.0.0:80"), ("::", "[::]:80"), ("my-laptop", "127.0.0.1:80"), ("", "127.0.0.1:80")],
)
def test_host_counts_only_where_it_is_an_address(
    conf: Callable[..., dict[str, Any]], given: str, bound: str
) -> None:
    assert conf(HOST=given, PORT="80")["bind"] == bound


def test_control_socket_lies_in_the_data_folder_unless_its_path_is_too_long(
    conf: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    found = conf(DATA_DIR="/srv/versant")
    assert (found["control_socket"], found["control_socket_disable"]) == ("/srv/versant/gunicorn.ctl", False)
    assert conf(DATA_DIR=f"/{'x' * 100}")["control_socket_disable"]


def test_a_platform_routes_to_us_and_kills_whoever_is_slow_to_stop(
    conf: Callable[..., dict[str, Any]],
) -> None:
    found = conf(DYNO="web.1", PORT="80")

    assert (found["bind"], found["graceful_timeout"]) == ("0.0.0.0:80", 25)
    assert conf(DYNO="web.1", HOST="127.0.0.1", PORT="80")["bind"] == "127.0.0.1:80"


def test_little_memory_makes_few_workers(conf: Callable[..., dict[str, Any]]) -> None:
    assert conf(REDIS_URL="redis://x", MEMORY_LIMIT_MB="400")["workers"] == 1


def test_gunicorn_reads_nothing_but_the_standard_library() -> None:
    check = """
import runpy, sys
before = set(sys.modules)
runpy.run_path("gunicorn.conf.py")
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
assert loaded <= set(sys.stdlib_module_names) | {"utils"}, loaded
assert {name for name in sys.modules if name.startswith("utils")} == {"utils", "utils.hosting"}
"""
    subprocess.run([sys.executable, "-c", check], check=True, cwd=ROOT)


@pytest.fixture
def gunicorn(tmp_path: Path) -> Iterator[Callable[..., tuple[Child, int]]]:
    """Return how to start a real gunicorn with one worker around the stand-in application."""
    started: list[Child] = []

    def start(**variables: str) -> tuple[Child, int]:
        port = free_port()
        base = {"PATH": os.environ["PATH"], "PORT": str(port), "DATA_DIR": str(tmp_path), "MAX_SOCKETS": "10"}
        application = "tests.startup_scripts.standin_main:create_app()"
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", application]
        child = Child(command, tmp_path / "said", env=base | variables, cwd=ROOT)
        child.start()
        started.append(child)

        def serves() -> bool:
            assert child.code is None, child.tail(50)
            return answers(port) and "background started" in child.tail(50)

        until(serves, "a server", seen=lambda: child.tail(50))
        return child, port

    yield start
    for child in started:
        child.stop(30)


def get(port: int, path: str) -> str:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_stop_closes_sockets_first_and_lets_requests_finish(
    leaves_nothing: Callable[[int], None], gunicorn: Callable[..., tuple[Child, int]]
) -> None:
    child, port = gunicorn()
    leaves_nothing(child.pid)
    sockets = [Client.connect(f"ws://{LOOPBACK}:{port}/socket") for _ in range(5)]
    for socket in sockets:
        socket.send("hello")
    assert [socket.receive(timeout=60) for socket in sockets] == ["hello"] * 5

    with ThreadPoolExecutor() as pool:
        slow = pool.submit(get, port, "/slow/1.0")
        until(lambda: "slow for 1.0" in child.tail(50), "the request", seen=lambda: child.tail(50))
        began = time.monotonic()
        os.kill(child.pid, signal.SIGTERM)
        assert slow.result() == "done"
        code = child.wait(60)

    for socket in sockets:
        socket.sock.close()
    assert code == 0
    assert time.monotonic() - began < 25  # the graceful time is 30 s
    assert "background stopped" in child.tail(50)


def test_worker_that_has_served_its_requests_is_replaced_and_stops_its_background(
    gunicorn: Callable[..., tuple[Child, int]],
) -> None:
    child, port = gunicorn(MAX_REQUESTS="3")
    first = psutil.Process(child.pid).children()[0].pid

    answers = [get(port, "/environment/PORT") for _ in range(12)]

    assert answers == [str(port)] * 12
    until(lambda: f"background stopped in {first}" in child.tail(50), "its end", seen=lambda: child.tail(50))


def test_worker_ends_with_a_master_that_was_killed(
    leaves_nothing: Callable[[int], None], gunicorn: Callable[..., tuple[Child, int]]
) -> None:
    child, port = gunicorn()
    leaves_nothing(child.pid)
    socket = Client.connect(f"ws://{LOOPBACK}:{port}/socket")

    os.kill(child.pid, signal.SIGKILL)

    until(lambda: "background stopped" in child.tail(50), "the end", seen=lambda: child.tail(50))
    socket.sock.close()


def test_server_names_no_version(gunicorn: Callable[..., tuple[Child, int]]) -> None:
    _, port = gunicorn()
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=60)
    connection.request("GET", "/health/ready")

    assert connection.getresponse().getheader("Server") == "gunicorn"
    connection.close()


def test_a_request_whose_end_can_be_read_in_two_ways_is_refused(
    gunicorn: Callable[..., tuple[Child, int]],
) -> None:
    _, port = gunicorn()

    answered = {headers: said(port, f"POST /slow/0 HTTP/1.1\r\nHost: a\r\n{headers}") for headers in UNCLEAR}

    assert {headers: status for headers, status in answered.items() if status not in (400, 501)} == {}
    assert said(port, "GET /environment/PORT HTTP/1.1\r\nHost: a") == 200


def said(port: int, head: str) -> int:
    """Return how a request is answered that is sent as it stands, with another one behind it."""
    with create_connection((LOOPBACK, port), timeout=60) as connection:
        connection.sendall(
            f"{head}\r\n\r\n0\r\n\r\nGET /environment/PORT HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        )
        return int(connection.recv(4096).split()[1])
