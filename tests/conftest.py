"""A real app on a real mongod and redis: nothing is patched, every test finds an empty database."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient

from config.settings import Settings
from main import Runtime, create_app
from services.accounts import throttle_repository
from services.migrations import Migrator
from tests import servers
from tests.cast import Cast
from tests.copies import Copies, filled
from tests.listener import CommandLog
from tests.waiting import PATIENCE, until

# Where Python may not keep what it compiled, each of a hundred processes would compile all of ours anew
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
hypothesis.settings.register_profile("busy", deadline=None)  # a slow machine is no counter-example
hypothesis.settings.load_profile("busy")
pytest_plugins = ["tests.authz.summary"]  # named here: the process that leads a parallel run collects nothing


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the servers of the run, in the process that leads it."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        servers.stop_servers()


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a server of this test process: its own database, a cheap hash, no pause between tries."""
    name = f"versant_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    environment = {
        "MONGODB_URI": servers.mongo_server().replace("/?", f"/{name}?"),
        "DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "BCRYPT_ROUNDS": "4",
        "LOG_LEVEL": "WARNING",
        "PUBLIC_URL": "http://versant.test",
    }
    return Settings.from_env(environment)


@pytest.fixture(scope="session")
def looking(settings: Settings) -> Iterator[Any]:
    """The database as the tests look into it: by a client that the command log does not watch."""
    client: MongoClient[dict[str, Any]] = MongoClient(settings.mongodb_uri, tz_aware=True)
    client.drop_database(client.get_default_database().name)
    yield client.get_default_database()
    client.drop_database(client.get_default_database().name)
    client.close()


@pytest.fixture(scope="session")
def command_log(looking: Any) -> CommandLog:
    """What the app asks MongoDB; installed after the tests' own client was made."""
    return CommandLog.installed()


@pytest.fixture(scope="session")
def running(settings: Settings, command_log: CommandLog) -> Iterator[Flask]:
    """The app of this test process, its background loops included."""
    app = create_app(settings)
    app.config["TESTING"] = True
    runtime: Runtime = app.extensions["versant"]
    try:
        Migrator(runtime.store.db).run()
        runtime.start()
        yield app
    finally:
        runtime.stop()
        runtime.store.db.client.close()


@pytest.fixture(scope="session")
def copies(running: Flask, looking: Any) -> Copies:
    """What casts made, to be put down again."""
    runtime: Runtime = running.extensions["versant"]
    return Copies(runtime, looking, lambda: settle(runtime, looking))


@pytest.fixture
def app(running: Flask, looking: Any) -> Iterator[Flask]:
    """The app, its database empty."""
    yield running
    runtime: Runtime = running.extensions["versant"]
    looking["engine_jobs"].delete_many({})
    settle(runtime, looking)
    for name in sorted(filled(looking)):  # audit rows before the heads of their chains
        looking[name].delete_many({})
    runtime.fresh.versions.forget()
    (runtime.settings.data_dir / "outbox.jsonl").unlink(missing_ok=True)
    shutil.rmtree(runtime.settings.data_dir / "files", ignore_errors=True)


@pytest.fixture
def runtime(app: Flask) -> Runtime:
    """What runs behind the app."""
    found: Runtime = app.extensions["versant"]
    return found


@pytest.fixture
def db(app: Flask, looking: Any) -> Any:
    """The database, for looking at what was stored."""
    return looking


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client that has not logged in."""
    return app.test_client()


@pytest.fixture
def cast(app: Flask, outbox: Any, copies: Copies) -> Cast:
    """Two campuses, one admin each, students; and whoever else a test asks for."""
    return Cast(app, outbox, copies)


@pytest.fixture(autouse=True)
def every_tenant_command_names_its_scope() -> Iterator[None]:
    """Fail the test during which a tenant collection was touched without a named scope."""
    CommandLog.forget()
    yield
    assert CommandLog.unscoped() == []


WATCHED_LOGGERS = (
    "utils.supervisor",
    "utils.async_processor",
    "services.jobs.engine",
    "integrations.dramatiq_engine",
    "routes._kit.errors",
)


@pytest.fixture(autouse=True)
def nothing_unforeseen_was_logged(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """Fail the test during which a loop, a job or a request failed in a way that nobody had foreseen."""
    yield
    if request.node.get_closest_marker("expects_errors"):
        return
    found = [
        r.getMessage()
        for r in caplog.get_records("call")
        if r.levelname == "ERROR" and r.name in WATCHED_LOGGERS
    ]
    assert found == []


def settle(runtime: Runtime, looking: Any, seconds: float = PATIENCE) -> None:
    """Return when no durable job is left or running, but for those that are to begin in a later hour."""
    soon, unfinished = datetime.now(UTC) + timedelta(hours=1), {"$in": ["available", "running"]}
    wanted = {"queue": {"$gte": ""}, "state": unfinished, "run_at": {"$lt": soon}}

    def rests() -> bool:
        return not looking["engine_jobs"].count_documents(wanted) and not any(runtime.engine.stats().values())

    until(rests, "background work at rest", seconds, seen=lambda: list(looking["engine_jobs"].find(wanted)))


@pytest.fixture
def at_rest(runtime: Runtime, looking: Any) -> Any:
    """Call it to wait until all background work is done."""
    return lambda seconds=PATIENCE: settle(runtime, looking, seconds)


@pytest.fixture
def long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has failed too often waits for a minute at once: so slow is no machine between two tries."""
    monkeypatch.setattr(throttle_repository, "FIRST_WAIT_MS", 60_000)


@pytest.fixture
def outbox(runtime: Runtime) -> Any:
    """Call it to read every message in the outbox, oldest first; a line being written is not in it."""
    import json

    path: Path = runtime.settings.data_dir / "outbox.jsonl"

    def read() -> list[dict[str, Any]]:
        whole, _, _ = path.read_text().rpartition("\n") if path.exists() else ("", "", "")
        return [json.loads(line) for line in whole.splitlines()]

    return read
