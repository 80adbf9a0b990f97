"""The primary of a real replica set steps down, or is killed: requests wait or are told to, work goes on."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient

from config.settings import Settings
from main import Runtime, create_app
from services.migrations import Migrator
from tests.cast import PASSWORD, Person, roster
from tests.replica_set import ReplicaSet
from tests.waiting import seconds_until, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("product"), pytest.mark.timeout(600)]

STUDENTS: Final = 600
BUSY: Final = 2.0  # this machine does much else meanwhile; alone it keeps what is promised
AFTER_STEP_DOWN, AFTER_KILL = 3.0 * BUSY, 15.0 * BUSY
CAMPUSES: Final = "/campus_management/campuses"
IMPORTS, JOBS = "/student_management/imports", "/batch_processing/jobs"


@pytest.fixture
def three() -> Iterator[ReplicaSet]:
    with ReplicaSet() as three:
        yield three


@pytest.fixture
def served(three: ReplicaSet, folder: Path) -> Iterator[Flask]:
    environment = {
        "MONGODB_URI": three.uri("versant"),
        "DATA_DIR": str(folder),
        "BCRYPT_ROUNDS": "4",
        "LEASE_SECONDS": "2",
        "SUB_BATCH_SIZE": "10",
        "LOG_LEVEL": "ERROR",
        "PUBLIC_URL": "http://versant.test",
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
def looked(three: ReplicaSet) -> Iterator[Any]:
    with MongoClient[dict[str, Any]](three.uri("versant"), tz_aware=True) as client:
        yield client.get_default_database()


class Knocker(Thread):
    """Reads and writes without a pause; a write keeps its key until it has been answered."""

    def __init__(self, http: FlaskClient) -> None:
        super().__init__(daemon=True)
        self._http, self._enough = http, Event()
        self.answers: Counter[int] = Counter()
        self.without_retry_after = 0
        self.well: list[float] = []
        self.made, self._key = 0, str(uuid.uuid4())

    def run(self) -> None:
        while not self._enough.wait(0.01):
            self._ask(lambda: self._http.get(JOBS))
            if self._ask(self._make):
                self.made += 1
                self._key = str(uuid.uuid4())
                self.well.append(time.monotonic())

    def _make(self) -> Any:
        name = f"C{self.made}"
        body = {"name": name, "code": name, "timezone": "Asia/Kolkata"}
        return self._http.post(CAMPUSES, json=body, headers={"Idempotency-Key": self._key})

    def _ask(self, call: Callable[[], Any]) -> bool:
        reply = call()
        self.answers[reply.status_code] += 1
        if reply.status_code == 503:
            self.without_retry_after += "Retry-After" not in reply.headers
        return bool(reply.status_code < 300)

    def stop(self) -> None:
        self._enough.set()
        self.join()


def imported(boss: Person) -> str:
    """Upload a roster that is applied at once and whose students are told; return its path."""
    place = {"name": "North Campus", "code": "NORTH", "timezone": "Asia/Kolkata"}
    campus = boss.post(CAMPUSES, place)["id"]
    course = {"campus_id": campus, "name": "Computer Science", "code": "CSE"}
    courses = [boss.post("/course_management/courses", course)["id"]]
    batch = {"campus_id": campus, "name": "North 2026", "course_ids": courses}
    lines = (f"CSE,{n:05},Student {n},,s{n}@example.com" for n in range(STUDENTS))
    form = {"batch_id": boss.post("/batch_management/batches", batch)["id"], "dry_run": "false"}
    made = boss.post(IMPORTS, status=202, data={**form, "channels": "email", "file": roster(*lines)})
    return f"{IMPORTS}/{made['id']}"


def outbox(folder: Path) -> Counter[str]:
    """Return how many messages each address has."""
    path = folder / "outbox.jsonl"
    whole, _, _ = path.read_text().rpartition("\n") if path.exists() else ("", "", "")
    return Counter(json.loads(line)["to"] for line in whole.splitlines())


def patient(ask: Callable[[], Any]) -> Any:
    """Ask as clients are told to: again after a 503."""
    return until(lambda: (reply := ask()).status_code != 503 and reply, "an answer", pause=0.1).get_json()


@pytest.mark.expects_errors
@pytest.mark.parametrize(("how", "within"), [("step_down", AFTER_STEP_DOWN), ("kill_primary", AFTER_KILL)])
def test_another_primary_takes_over_and_everything_goes_on_by_itself(
    three: ReplicaSet, served: Flask, folder: Path, looked: Any, how: str, within: float
) -> None:
    # Given a roster whose students are being told, and somebody who reads and writes all the time
    boss = Person(served, "root")
    path = imported(boss)
    knocker = Knocker(boss.http)
    knocker.start()
    until(lambda: sum(outbox(folder).values()) > 40, "messages")

    # When the primary goes
    old, before = three.primary, sum(outbox(folder).values())
    begun = time.monotonic()
    getattr(three, how)()

    # Then requests and jobs go on within seconds
    asked = seconds_until(lambda: knocker.well and knocker.well[-1] > begun + 0.5, "a write")
    told = asked + seconds_until(lambda: sum(outbox(folder).values()) > before + 30, "messages")
    print(f"{how}: a write after {asked:.1f} s, messages after {told:.1f} s")
    assert told < within
    assert three.primary not in (0, old)

    # and to the end, by themselves: everybody is told once, nothing is left half done
    job_id = patient(lambda: boss.http.get(path))["job_id"]
    until(lambda: patient(lambda: boss.http.get(f"{JOBS}/{job_id}"))["state"] == "completed")
    knocker.stop()
    assert outbox(folder) == Counter(f"s{number}@example.com" for number in range(STUDENTS))
    left = {"queue": {"$gte": ""}, "state": {"$in": ["available", "running", "held"]}, "group": job_id}
    until(lambda: looked["engine_jobs"].count_documents(left) == 0)  # the last one ends after its job
    assert looked["campuses"].count_documents({"code": {"$regex": "^[Cc][0-9]"}}) == knocker.made

    # and nobody got another answer than a good one or "later"
    print(dict(knocker.answers))
    assert set(knocker.answers) <= {200, 201, 503}
    assert knocker.without_retry_after == 0
    loops = served.extensions["versant"].loops
    until(lambda: all(loop.well and not loop.failures for loop in loops()), "well loops")
