"""An app of its own for the walk, over a world that is built once and then kept as it is."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from config.settings import Settings
from main import Runtime, create_app
from services.migrations import Migrator
from tests import servers
from tests.authz.actors import ACTORS
from tests.authz.asking import Asking
from tests.authz.building import Builder
from tests.authz.effects import Effects
from tests.authz.exams import hold_attempts
from tests.authz.operations import operations
from tests.authz.proofs import Proofs
from tests.authz.recording import Recorder
from tests.authz.valid_requests import BREAKER
from tests.authz.walk import Walk
from tests.authz.world import World
from tests.authz.writes import Writes
from tests.conftest import settle
from tests.listener import CommandLog

PROFILE_BYTES = 256 * 1024 * 1024


@pytest.fixture(scope="session")
def walked_db(looking: Any, command_log: CommandLog) -> Iterator[Any]:
    """The walk's own database, by a client that the command log does not watch; it profiles everything."""
    name = f"authz_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    db = looking.client[name]
    db.create_collection("system.profile", capped=True, size=PROFILE_BYTES)
    db.command("profile", 1, filter={"appName": "versant"})  # not what the tests ask themselves
    yield db
    db.command("profile", 0)
    looking.client.drop_database(name)


@pytest.fixture(scope="session")
def walked(walked_db: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The app that is walked through; its loops run only while the world is built."""
    environment = {
        "MONGODB_URI": servers.mongo_server().replace("/?", f"/{walked_db.name}?"),
        "DATA_DIR": str(tmp_path_factory.mktemp("authz")),
        "BCRYPT_ROUNDS": "4",
        "ACCESS_TOKEN_SECONDS": "3600",
        "FRESH_AUTH_SECONDS": "3600",
        "LOG_LEVEL": "WARNING",
        "PUBLIC_URL": "http://versant.test",
    }
    Writes.installed()  # before there is a client that it has to hear
    app = create_app(Settings.from_env(environment))
    app.config["TESTING"] = True
    runtime: Runtime = app.extensions["versant"]
    try:
        Migrator(runtime.store.db).run()
        runtime.breakers.take(BREAKER)
        yield app
    finally:
        runtime.stop()
        runtime.store.db.client.close()


@pytest.fixture(scope="session")
def recorder(walked: Flask) -> Iterator[Recorder]:
    """Who calls the repositories with which scope, from the building of the world on."""
    noted = Recorder()
    noted.install()
    yield noted
    noted.remove()


@pytest.fixture(scope="session")
def world(walked: Flask, walked_db: Any, recorder: Recorder) -> World:
    """The world, and nothing that moves in it any more."""
    CommandLog.forget()
    runtime: Runtime = walked.extensions["versant"]
    made = World(walked_db)
    path = runtime.settings.data_dir / "outbox.jsonl"
    runtime.start()
    Builder(
        walked,
        made,
        lambda: [json.loads(line) for line in path.read_text().splitlines()],
        lambda: settle(runtime, walked_db),
    ).build()
    runtime.supervisor.stop()
    assert CommandLog.unscoped() == []
    return made


@pytest.fixture(scope="session")
def walk(walked: Flask, world: World) -> Walk:
    """A walk that has not begun: everybody has logged in, and nothing has been asked."""
    proofs = Proofs(walked, world)
    shown = proofs.all()
    world.tokens["refresh"] = proofs.refresh_token("caller")
    hold_attempts(world, shown, ACTORS)
    world.look()
    return Walk(world, Asking(walked, shown), Effects(walked, world))


@pytest.fixture(scope="session")
def whole_walk(walked: Flask, walked_db: Any, walk: Walk, recorder: Recorder) -> Walk:
    """The walk of everybody through everything, done once."""
    CommandLog.forget()
    walk.watcher = recorder.hear
    walk.through(ACTORS, operations(walked))
    recorder.remove()
    walk.findings += CommandLog.unscoped()
    walked_db.command("profile", 0)
    return walk
