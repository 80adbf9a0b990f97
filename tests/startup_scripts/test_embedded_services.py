"""MongoDB and Redis of one machine: real ones, killed, moved to another port, asked for twice."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from pymongo import MongoClient, WriteConcern
from pymongo.errors import OperationFailure
from redis.backoff import NoBackoff
from redis.retry import Retry

from startup_scripts.embedded_services import EmbeddedServices
from startup_scripts.errors import CannotStart
from startup_scripts.machine import Machine
from startup_scripts.ports import LOOPBACK
from tests.servers import ROOT
from tests.startup_scripts.conftest import OWN
from tests.waiting import until

pytestmark = pytest.mark.xdist_group("product")  # one pair of servers is enough
ELSEWHERE = Machine("Linux", "aarch64", (3, 11, 0))
HOLD = """
import sys, time
from pathlib import Path
from startup_scripts.embedded_services import EmbeddedServices
with EmbeddedServices(Path(sys.argv[1]), environment={}) as services:
    print(services.mongodb_uri, *services.pids.values(), flush=True)
    time.sleep(60)
"""


def database(services: EmbeddedServices) -> MongoClient[dict[str, Any]]:
    return MongoClient(services.mongodb_uri, serverSelectionTimeoutMS=5000, w="majority", journal=True)


def kill_and_wait(services: EmbeddedServices, name: str) -> float:
    """Return how many seconds the service was away."""
    old, began = services.pids[name], time.monotonic()
    os.kill(old, signal.SIGKILL)
    until(lambda: services.pids[name] != old and _serves(services, name), f"{name} is back")
    return time.monotonic() - began


def _serves(services: EmbeddedServices, name: str) -> bool:
    try:
        if name == "redis":
            with redis.Redis.from_url(str(services.redis_url)) as client:
                return bool(client.ping())
        with MongoClient[dict[str, Any]](services.mongodb_uri, serverSelectionTimeoutMS=200) as client:
            return bool(client.admin.command("hello")["isWritablePrimary"])
    except Exception:
        return False


def test_mongodb_commits_a_transaction(services: EmbeddedServices) -> None:
    with database(services) as client, client.start_session() as session:
        client.versant.create_collection("first")
        with session.start_transaction(write_concern=WriteConcern("majority", j=True)):
            client.versant.first.insert_one({"n": 1}, session=session)
            client.versant.second.insert_one({"n": 1}, session=session)

        assert client.versant.second.count_documents({}) == 1


def test_mongodb_runs_no_scripts_and_never_compresses_with_zlib(services: EmbeddedServices) -> None:
    with database(services) as client:
        hello = client.admin.command("hello", compression=["zlib", "zstd", "snappy"])
        assert "zlib" not in hello["compression"]
        with pytest.raises(OperationFailure, match="no globalScriptEngine"):
            client.versant.first.find_one({"$where": "true"})


def test_servers_listen_on_loopback_alone(services: EmbeddedServices) -> None:
    for pid in services.pids.values():
        connections = psutil.Process(pid).net_connections()
        assert {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN} == {LOOPBACK}


def test_data_is_closed_to_other_people(services: EmbeddedServices) -> None:
    for folder in (
        services.folder.path,
        *(services.folder.path / name for name in ("mongodb", "redis", "logs")),
    ):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert (services.folder.path / "redis" / "redis.conf").stat().st_mode & 0o777 == 0o600


def test_redis_wants_its_password(services: EmbeddedServices) -> None:
    port = int(str(services.redis_url).rsplit(":", 1)[1].removesuffix("/0"))

    with (
        redis.Redis(port=port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_killed_mongod_runs_again_on_its_port_with_its_data(
    services: EmbeddedServices, told: list[str]
) -> None:
    address = services.mongodb_uri
    with database(services) as client:
        client.versant.kept.insert_one({"_id": "acknowledged"})

    away = kill_and_wait(services, "mongod")

    assert services.mongodb_uri == address
    with database(services) as client:
        assert client.versant.kept.find_one() == {"_id": "acknowledged"}
    assert any(text.startswith("mongod ended (signal 9); it runs again") for text in told), told
    print(f"mongod was away for {away:.2f} s")


def test_killed_redis_runs_again_with_its_address(services: EmbeddedServices) -> None:
    address = services.redis_url

    kill_and_wait(services, "redis")

    assert services.redis_url == address


def test_second_one_over_the_same_folder_is_refused(services: EmbeddedServices) -> None:
    message = re.escape(f"another VERSANT (pid {os.getpid()}) uses {services.folder.path}; stop it or choose")
    with pytest.raises(CannotStart, match=message), EmbeddedServices(services.folder.path, environment=OWN):
        pass

    assert _serves(services, "mongod")


def test_data_follows_to_another_port_and_nothing_stays_behind(
    tmp_path: Path, leaves_nothing: Callable[[int], None]
) -> None:
    with EmbeddedServices(tmp_path, environment=OWN) as services:
        leaves_nothing(services.pids["mongod"])
        leaves_nothing(services.pids["redis"])
        before = services.mongodb_uri
        with database(services) as client:
            client.versant.kept.insert_one({"_id": 1})

    with socket.socket() as other:
        other.bind((LOOPBACK, int((tmp_path / "mongodb" / "versant.port").read_text())))
        began = time.monotonic()
        with EmbeddedServices(tmp_path, environment=OWN) as services:
            print(f"primary on another port after {time.monotonic() - began:.2f} s")
            leaves_nothing(services.pids["mongod"])
            assert services.mongodb_uri != before
            with database(services) as client:
                assert client.versant.kept.count_documents({}) == 1


def test_everything_killed_at_once_starts_again_with_its_data(
    tmp_path: Path, processes: list[subprocess.Popen[str]], leaves_nothing: Callable[[int], None]
) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    holder = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    )
    processes.append(holder)
    uri, mongod, _redis = str(holder.stdout and holder.stdout.readline()).split()
    leaves_nothing(holder.pid)
    with MongoClient[dict[str, Any]](uri, w="majority", journal=True) as client:
        client.versant.kept.insert_one({"_id": 1})

    os.kill(int(mongod), signal.SIGKILL)
    holder.kill()
    holder.wait()

    with EmbeddedServices(tmp_path, environment=OWN) as services, database(services) as client:
        assert client.versant.kept.count_documents({}) == 1


def test_without_a_mongod_the_message_names_three_ways(tmp_path: Path) -> None:
    with (
        pytest.raises(CannotStart, match=r"(?s)MONGODB_URI.*`mongod` on PATH.*requirements-embedded"),
        EmbeddedServices(tmp_path, environment={}, machine=ELSEWHERE),
    ):
        pass


def test_servers_of_the_environment_are_used_as_they_are(tmp_path: Path) -> None:
    named = {"MONGODB_URI": "mongodb://db.example/versant", "REDIS_URL": "redis://cache.example"}
    with EmbeddedServices(tmp_path, environment=named, machine=ELSEWHERE) as services:
        assert (services.mongodb_uri, services.redis_url) == tuple(named.values())
        assert services.pids == {}


def test_without_a_redis_it_goes_on_with_a_warning(tmp_path: Path) -> None:
    told: list[str] = []
    named = {"MONGODB_URI": "mongodb://db.example/versant"}
    with EmbeddedServices(tmp_path, environment=named, machine=ELSEWHERE, say=told.append) as services:
        assert services.redis_url is None

    assert told == ["warning: no Redis was found, so one process serves all and caches in its own memory"]


@pytest.mark.parametrize(
    ("said", "code", "answer"),
    [
        (
            "mongod: libcrypto.so.3: cannot open shared object file: No such file",
            127,
            "apt-get install libssl3",
        ),
        ("mongod: /lib/libc.so.6: version `GLIBC_2.34' not found", 1, "needs GLIBC_2.34: use Debian 12"),
        ("Out of luck", 3, "(?s)exit code 3.*Out of luck"),
    ],
)
def test_mongod_that_cannot_run_here_is_explained(tmp_path: Path, said: str, code: int, answer: str) -> None:
    program = tmp_path / "bin" / "mongod"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{said}\nEND\nexit {code}\n")
    program.chmod(0o755)

    with (
        pytest.raises(CannotStart, match=answer),
        EmbeddedServices(tmp_path / "data", environment={"PATH": str(program.parent)}),
    ):
        pass
