"""Every process tells of itself, and does what it is told, once."""

from collections.abc import Mapping
from typing import Any

import pytest

from main import Runtime
from services.ports import JSON
from services.processes.documents import LIVING_SECONDS, PROCESSES
from services.processes.heartbeat import Heartbeat
from services.processes.repository import ProcessRepository
from tests.cast import Cast
from tests.waiting import until


@pytest.fixture
def other(runtime: Runtime) -> Heartbeat:
    """Another process, which beats when the test says so."""
    return Heartbeat(ProcessRepository(runtime.store), "worker", "9.9.9", lambda: None)


def shown(cast: Cast) -> dict[str, Any]:
    return {row["id"]: row for row in cast.superadmin.get("/batch_processing/workers")["items"]}


def test_a_process_is_listed_with_its_seats_from_its_first_beat_until_it_leaves(
    runtime: Runtime, cast: Cast, other: Heartbeat
) -> None:
    runtime.heartbeat.tick()
    other.show("answer", lambda: 42)
    other.tick()

    listed = shown(cast)
    me = listed[runtime.heartbeat.id]
    assert me["state"] == "serving"
    assert me["figures"]["queues"]["imports"] == {"seats": 2, "running": 0, "oldest_s": 0.0}
    assert me["figures"]["loops"]["heartbeat"]["failures"] == 0
    assert me["figures"]["memory"]["rss"] > me["figures"]["memory"]["pss"] > 10_000_000
    assert (listed[other.id]["role"], listed[other.id]["version"]) == ("worker", "9.9.9")
    assert listed[other.id]["figures"] == {"answer": 42}

    other.drain()
    assert shown(cast)[other.id]["state"] == "draining"
    other.leave()
    assert other.id not in shown(cast)


def test_a_process_that_stopped_beating_is_gone_within_seconds(db: Any, cast: Cast, other: Heartbeat) -> None:
    other.tick()
    late = {"$subtract": ["$$NOW", int(LIVING_SECONDS * 1000) + 1]}

    db[PROCESSES].update_one({"_id": other.id}, [{"$set": {"beat_at": late}}])

    assert other.id not in shown(cast)
    other.tick()
    assert other.id in shown(cast)


def test_a_command_reaches_every_process_once(runtime: Runtime, db: Any, other: Heartbeat) -> None:
    heard: list[Mapping[str, JSON]] = []
    other.on("note", heard.append)
    runtime.heartbeat.on("note", lambda _: None)
    for heartbeat in (runtime.heartbeat, other):
        heartbeat.tick()

    told = runtime.store.atomically(lambda: runtime.services.processes.tell_all("note", {"price": "$seed"}))
    for _ in range(3):
        other.tick()

    assert told == 2
    assert heard == [{"price": "$seed"}]
    assert db[PROCESSES].find_one({"_id": other.id})["commands"] == []


def test_a_command_may_be_for_one(runtime: Runtime, other: Heartbeat) -> None:
    heard: list[str] = []
    third = Heartbeat(ProcessRepository(runtime.store), "web", "9.9.9", lambda: None)
    other.on("note", lambda _: heard.append("other"))
    third.on("note", lambda _: heard.append("third"))
    for heartbeat in (other, third):
        heartbeat.tick()

    assert runtime.services.processes.tell(third.id, "note")
    assert not runtime.services.processes.tell("nobody", "note")
    other.tick()
    third.tick()

    assert heard == ["third"]


def test_a_lost_answer_loses_no_command_and_does_none_twice(
    runtime: Runtime, db: Any, other: Heartbeat
) -> None:
    heard: list[int] = []
    other.on("note", lambda _: heard.append(1))
    other.tick()
    runtime.services.processes.tell_all("note")
    kept = db[PROCESSES].find_one({"_id": other.id})["commands"]

    other.tick()
    db[PROCESSES].update_one({"_id": other.id}, {"$set": {"commands": kept}})  # as if never acknowledged
    other.tick()

    assert heard == [1]


def test_what_cannot_be_figured_out_or_done_does_not_stop_the_heart(
    runtime: Runtime, cast: Cast, other: Heartbeat
) -> None:
    other.show("broken", lambda: [][0])
    other.on("impossible", lambda _: 1 // 0)
    other.tick()
    runtime.services.processes.tell_all("impossible")
    runtime.services.processes.tell_all("of a newer version")

    other.tick()
    other.tick()

    assert shown(cast)[other.id]["figures"] == {"broken": {"error": "IndexError"}}


def test_the_running_process_hears_by_itself(runtime: Runtime) -> None:
    heard: list[Any] = []
    runtime.heartbeat.on("hear", heard.append)
    runtime.heartbeat.tick()

    runtime.services.processes.tell_all("hear")

    until(lambda: heard, "the command")


def test_workers_are_for_the_platform(cast: Cast) -> None:
    cast.north.admin.get("/batch_processing/workers", status=403)
