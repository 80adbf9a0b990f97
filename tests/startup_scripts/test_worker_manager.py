"""A real gunicorn whose workers look after each other: memory, stuck loops, how many there are."""

import http.client
import os
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

import psutil
import pytest
from pymongo import MongoClient

from services.migrations import Migrator
from startup_scripts.child import Child
from startup_scripts.ports import LOOPBACK, free_port
from tests import servers
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("product"), pytest.mark.timeout(120)]

CLIENTS = 4


class Gunicorn:
    """Two workers, or three under load, on 800 MiB."""

    def __init__(self, folder: str, uri: str) -> None:
        self.port = free_port()
        self.environment = {
            "PATH": os.environ["PATH"],
            "PORT": str(self.port),
            "DATA_DIR": folder,
            "MONGODB_URI": uri,
            "REDIS_URL": servers.redis_server(),
            "WEB_CONCURRENCY": "2",
            "WEB_CONCURRENCY_MAX": "3",
            "MAX_SOCKETS": "10",
            "MEMORY_LIMIT_MB": "800",
            "WORKER_CHECK_SECONDS": "0.5",
            "RECYCLE_PAUSE_SECONDS": "2",
            "LOOP_STUCK_SECONDS": "5",
            "JOB_LONGEST_SECONDS": "2",
            "LOG_LEVEL": "WARNING",
        }

    def start(self, child: Child) -> None:
        self.child = child
        child.start()
        self.arbiter = psutil.Process(child.pid)
        until(lambda: len(self.answering()) == 2, "two that answer", 120.0, seen=self.child.tail)

    def decisions(self) -> list[str]:
        """Return what the workers have decided, and why, as the log tells it."""
        return re.findall(r'"message": "(workers: [^"]+)"', self.child.tail(1000))

    def pids(self) -> set[int]:
        return {worker.pid for worker in self.arbiter.children()}

    def answering(self) -> set[int]:
        """Return which of the workers serve; asked at once, they all get a share."""
        with ThreadPoolExecutor(4) as pool:  # fewer than would call for another worker
            return set(pool.map(self.ask, ["/slow/0.1"] * 12)) - {0}

    def ask(self, path: str) -> int:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=60)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            said = reply.read()
            return int(said) if reply.status == 200 else 0
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    @contextmanager
    def asked(self, clients: int, path: str) -> Iterator[list[int]]:
        """Have clients ask again and again meanwhile; the answers are 0 for those that failed."""
        enough, answers = Event(), list[int]()

        def client() -> None:
            while not enough.is_set():
                answers.append(self.ask(path))

        with ThreadPoolExecutor(clients) as pool:
            asking = [pool.submit(client) for _ in range(clients)]
            try:
                yield answers
            finally:
                enough.set()
        for one in asking:
            one.result()


@pytest.fixture(scope="module")
def gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    folder = tmp_path_factory.mktemp("gunicorn")
    uri = servers.mongo_server().replace("/?", f"/versant_workers_{os.getpid()}?")
    with MongoClient[dict[str, Any]](uri, tz_aware=True) as mongo:
        gunicorn = Gunicorn(str(folder), uri)
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py"]
        application = "tests.startup_scripts.hungry_main:create_app()"
        Migrator(mongo.get_default_database()).run()
        child = Child([*command, application], folder / "said", env=gunicorn.environment, cwd=servers.ROOT)
        try:
            gunicorn.start(child)
            yield gunicorn
        finally:
            child.stop(20)
            mongo.drop_database(mongo.get_default_database().name)


def test_the_largest_worker_is_replaced_when_memory_is_short_and_no_request_fails(gunicorn: Gunicorn) -> None:
    before = gunicorn.pids()
    with gunicorn.asked(CLIENTS, "/slow/0.05") as answers:
        time.sleep(0.5)

        fat = gunicorn.ask("/eat/560")

        until(lambda: fat not in gunicorn.pids() and len(gunicorn.answering()) == 2, "another one", 120.0)
        time.sleep(1)

    print(f"{len(answers)} requests, {answers.count(0)} failed")
    assert 0 not in answers
    recycled = {decision.split(" because ")[0] for decision in gunicorn.decisions()}
    assert recycled == {f"workers: recycle {fat}"}, gunicorn.decisions()
    assert before & gunicorn.pids() == before - {fat}


def test_a_worker_whose_loop_never_comes_back_is_replaced(gunicorn: Gunicorn) -> None:
    stuck = gunicorn.ask("/stick")

    until(lambda: stuck not in gunicorn.pids() and len(gunicorn.answering()) == 2, "another one", 120.0)


@pytest.mark.slow
def test_a_worker_with_a_job_that_never_returns_is_replaced_and_gone(gunicorn: Gunicorn) -> None:
    stuck = gunicorn.ask("/hang")

    until(lambda: stuck not in gunicorn.pids() and len(gunicorn.answering()) == 2, "another one", 120.0)

    assert any("queue files is stuck" in decision for decision in gunicorn.decisions())


def test_there_are_more_workers_under_load_and_fewer_afterwards_within_the_bounds(gunicorn: Gunicorn) -> None:
    with gunicorn.asked(20, "/slow/0.2") as answers:
        until(lambda: len(gunicorn.pids()) == 3, "a third one", 120.0)
        for _ in range(10):
            time.sleep(0.1)
            assert len(gunicorn.pids()) <= 3

    until(lambda: len(gunicorn.pids()) == 2, "the third one gone", 120.0)
    assert 0 not in answers
    for _ in range(20):
        time.sleep(0.1)
        assert len(gunicorn.pids()) >= 2
