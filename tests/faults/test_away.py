"""MongoDB or Redis stands still: what needs it is refused at once, the rest is served, all comes back."""

import os
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient
from werkzeug.test import TestResponse

from config.settings import Settings
from main import Runtime, create_app
from services.migrations import Migrator
from startup_scripts.embedded_services import EmbeddedServices
from tests.cast import PASSWORD, Person
from tests.waiting import seconds_until, until
from utils.mongo_watch import MongoWatch

pytestmark = [pytest.mark.xdist_group("product"), pytest.mark.timeout(600)]

KNOWN_WITHIN: Final = 12.0  # on a machine that does much else; some five seconds otherwise
AT_ONCE: Final = 2.5  # on a machine that does much else
BACK_WITHIN: Final = 10.0
NEEDS_NO_DATABASE: Final = ("/health/live", "/docs", "/openapi.json", "/metrics")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServices]:
    folder = tmp_path_factory.mktemp("away") / "data"
    environment = {"PATH": os.environ.get("PATH", "")}
    with EmbeddedServices(folder, environment=environment, say=lambda _: None) as servers:
        yield servers


@pytest.fixture(scope="module")
def served(servers: EmbeddedServices) -> Iterator[Flask]:
    """An app of its own over servers of its own, and somebody who may do everything."""
    environment = {
        "MONGODB_URI": servers.mongodb_uri,
        "REDIS_URL": servers.redis_url or "",
        "DATA_DIR": str(servers.folder.path),
        "BCRYPT_ROUNDS": "4",
        "LOG_LEVEL": "ERROR",
    }
    app = create_app(Settings.from_env(environment))
    runtime: Runtime = app.extensions["versant"]
    Migrator(runtime.store.db).run()
    runtime.services.accounts.ensure_superadmin("root", PASSWORD)
    runtime.start()
    yield app
    runtime.stop()
    runtime.store.db.client.close()


@pytest.fixture
def client(served: Flask) -> FlaskClient:
    return Person(served, "root").http


def readiness(client: FlaskClient) -> dict[str, Any]:
    return dict(client.get("/health/ready").get_json())


@pytest.mark.expects_errors
def test_a_database_that_stands_still_holds_no_thread_and_its_return_is_noticed(
    served: Flask, client: FlaskClient, servers: EmbeddedServices
) -> None:
    monitor = served.extensions["versant"].monitor
    path = "/campus_management/campuses"

    def ask(_: int = 0) -> tuple[TestResponse, float]:
        begun = time.monotonic()
        reply = served.test_client().get(
            path, headers={"Authorization": client.environ_base["HTTP_AUTHORIZATION"]}
        )
        return reply, time.monotonic() - begun

    with ExitStack() as stack:
        os.kill(servers.pids["mongod"], signal.SIGSTOP)
        stack.callback(os.kill, servers.pids["mongod"], signal.SIGCONT)
        known = seconds_until(lambda: monitor.away("mongodb"))

        assert known < KNOWN_WITHIN

        # What needs the database is refused at once
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(ask, range(100)))
        slowest = max(seconds for _, seconds in replies)
        print(
            f"known after {known:.1f} s; then 100 refusals by 8 threads, the slowest {slowest * 1000:.0f} ms"
        )
        assert {reply.status_code for reply, _ in replies} == {503}
        assert all(int(reply.headers["Retry-After"]) >= 1 for reply, _ in replies)
        assert slowest < AT_ONCE

        # The rest is served
        script = re.search(r'src="(/console/files/[^"]+)"', client.get("/console").get_data(as_text=True))
        assert script is not None
        for free in (*NEEDS_NO_DATABASE, script.group(1)):
            assert client.get(free).status_code == 200, free
        state = readiness(client)
        (mongodb,) = (part for part in state["parts"] if part["name"] == "mongodb")
        assert not state["ready"]
        assert mongodb["extra"]["last_error"] == "timeout"
        assert mongodb["extra"]["failures"] >= 2

    back = seconds_until(lambda: ask()[0].status_code == 200)
    print(f"back after {back:.2f} s")
    assert back < BACK_WITHIN
    until(lambda: bool(readiness(client)["ready"]))
    loops = served.extensions["versant"].loops
    until(lambda: all(loop.well and not loop.failures for loop in loops()))


@pytest.mark.expects_errors
def test_a_database_that_dies_is_missed_by_its_connections_and_is_back_within_seconds(
    served: Flask, client: FlaskClient, servers: EmbeddedServices
) -> None:
    lost: list[float] = []
    watch = MongoWatch(lambda: lost.append(time.monotonic()))
    with MongoClient[dict[str, Any]](servers.mongodb_uri, event_listeners=[watch]) as own:
        own.admin.command("ping")
        assert watch.figures() == {"open": 1, "used": 0, "waiting": 0, "failed_total": 0}
        old = servers.pids["mongod"]

        os.kill(old, signal.SIGKILL)

        until(lambda: bool(lost))
    until(lambda: client.get("/campus_management/campuses").status_code == 200)
    assert servers.pids["mongod"] != old
    until(lambda: bool(readiness(client)["ready"]))


def test_without_redis_everything_is_served_and_readiness_says_what_is_missing(
    client: FlaskClient, servers: EmbeddedServices
) -> None:
    with ExitStack() as stack:
        os.kill(servers.pids["redis"], signal.SIGSTOP)
        stack.callback(os.kill, servers.pids["redis"], signal.SIGCONT)
        time.sleep(2.1)  # older news would do until then

        state = readiness(client)

        assert state["ready"]
        assert "redis" in state["degraded"]
        begun = time.monotonic()
        assert client.get("/campus_management/campuses").status_code == 200
        assert time.monotonic() - begun < AT_ONCE

    until(lambda: not readiness(client)["degraded"])


def test_readiness_is_for_everybody_and_tells_no_address(
    client: FlaskClient, servers: EmbeddedServices
) -> None:
    said = client.get("/health/ready").get_data(as_text=True)

    ports = [uri.rsplit(":", 1)[1].split("/")[0] for uri in (servers.mongodb_uri, servers.redis_url or ":0")]
    for secret in (
        "127.0.0.1",
        "mongodb://",
        "redis://",
        str(Path(servers.folder.path)),
        os.uname().nodename,
        *ports,
    ):
        assert secret not in said, secret
