"""What every job engine promises: durable, once at a time, resumed after any death. On real servers."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from services.jobs.documents import INDEXES, JOBS, JobState
from services.jobs.engine import MAX_ATTEMPTS
from services.ports import Done, JobResult, Later, Lease, Queue
from tests.contracts.machines import SHORT_LEASE, Handler, Machine, noting, row
from tests.waiting import pause, until
from utils.store import Store

LEASE = 2.0  # of a job that lasts longer


@pytest.fixture
def store(runtime: Any, looking: Any) -> Store:
    looking[JOBS].create_indexes(INDEXES[JOBS])
    return runtime.store  # type: ignore[no-any-return]


@pytest.fixture(params=["threads", "dramatiq"])
def machine(request: pytest.FixtureRequest, store: Store, runtime: Any) -> Iterator[Callable[..., Machine]]:
    """Make machines that share one database; the app's own engine does not know their jobs' names."""
    made: list[Machine] = []

    def make(handler: Handler, **how: Any) -> Machine:
        made.append(Machine(request.param, store, handler, **how))
        return made[-1]

    pause(runtime)
    yield make
    for each in made:
        each.stop()
    runtime.engine.resume()


def test_a_job_runs_once_and_is_completed(machine: Any, looking: Any) -> None:
    seen: list[Mapping[str, Any]] = []
    one = machine(noting(seen, "args")).start()

    one.engine.submit("work", {"n": 1}, queue=Queue.MESSAGES, key="k1")
    one.engine.submit("work", {"n": 2}, queue=Queue.MESSAGES, key="k1")

    until(lambda: row(looking, "k1")["state"] == JobState.COMPLETED)
    assert seen == [{"n": 1}]


def test_of_two_who_submit_a_key_at_once_one_is_enough(
    machine: Any, store: Store, looking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine(lambda lease: Done())
    blind = [set[str](), set[str](), set[str]()]  # three look before the first of them has written
    known = one.jobs.known

    def looks(keys: Any) -> Any:
        return blind.pop() if blind else known(keys)

    monkeypatch.setattr(one.jobs, "known", looks)
    one.engine.submit("work", {"n": 1}, queue=Queue.MESSAGES, key="k1")
    one.engine.submit("work", {"n": 2}, queue=Queue.MESSAGES, key="k1")
    store.atomically(lambda: one.engine.submit("work", {"n": 3}, queue=Queue.MESSAGES, key="k1"))

    assert row(looking, "k1")["args"] == {"n": 1}


def test_a_job_of_a_transaction_that_failed_never_was(machine: Any, store: Store, looking: Any) -> None:
    one = machine(lambda lease: Done()).start()

    def work() -> None:
        one.engine.submit("work", {}, queue=Queue.MESSAGES, key="k1")
        raise ValueError("the rest of the transaction failed")

    with pytest.raises(ValueError, match="the rest"):
        store.atomically(work)

    assert row(looking, "k1") is None


def test_many_jobs_over_two_machines_each_run_once(machine: Any, looking: Any) -> None:
    seen: list[str] = []
    first = machine(noting(seen, "job_id")).start()
    machine(noting(seen, "job_id")).start()

    first.engine.submit_many("work", [(f"k{n}", {}) for n in range(100)], queue=Queue.MESSAGES)

    until(lambda: looking[JOBS].count_documents({"state": "completed"}) == 100)
    assert sorted(seen) == sorted(f"k{n}" for n in range(100))


def test_a_job_that_asks_for_later_comes_back_without_burning_an_attempt(machine: Any, looking: Any) -> None:
    calls: list[int] = []

    def handler(lease: Lease) -> JobResult:
        calls.append(lease.attempt)
        return Later(0.05) if len(calls) < 4 else Done()

    machine(handler).start().engine.submit("work", {}, queue=Queue.MESSAGES, key="k1")

    until(lambda: row(looking, "k1")["state"] == JobState.COMPLETED)
    assert calls == [1, 1, 1, 1]


@pytest.mark.expects_errors
def test_a_job_that_raises_is_tried_again_and_counted(machine: Any, looking: Any) -> None:
    calls: list[int] = []

    def handler(lease: Lease) -> JobResult:
        calls.append(lease.attempt)
        if len(calls) < 3:
            raise ConnectionError("away")
        return Done()

    machine(handler).start().engine.submit("work", {}, queue=Queue.MESSAGES, key="k1")

    until(lambda: row(looking, "k1")["state"] == JobState.COMPLETED)
    assert calls == [1, 2, 3]


def test_a_job_of_a_dead_process_is_rescued_when_its_lease_has_lapsed(machine: Any, looking: Any) -> None:
    seen: list[int] = []
    one = machine(noting(seen, "fence"), lease=SHORT_LEASE)
    one.engine.submit("work", {}, queue=Queue.MESSAGES, key="k1")
    (dead,) = one.jobs.claim(["k1"], "t1", SHORT_LEASE)  # as by a process that is killed right after

    one.start()

    until(lambda: row(looking, "k1")["state"] == JobState.COMPLETED)
    assert seen[0] == dead.fence + 1


def test_a_late_write_of_an_older_claim_changes_nothing(machine: Any, looking: Any) -> None:
    one = machine(lambda lease: Done())
    one.engine.submit("work", {}, queue=Queue.MESSAGES, key="k1")
    (old,) = one.jobs.claim(["k1"], "t1", 0.001)
    until(lambda: one.jobs.rescue() or row(looking, "k1")["state"] == JobState.AVAILABLE)
    (new,) = one.jobs.claim(["k1"], "t2", 30)

    assert not one.jobs.finish("k1", old.fence, JobState.COMPLETED)
    assert not one.jobs.renew([("k1", old.fence)], 30)
    assert not one.jobs.release("k1", old.fence, 0, burn=True)
    assert one.jobs.finish("k1", new.fence, JobState.COMPLETED)


def test_a_lease_is_renewed_while_the_work_goes_on(machine: Any, looking: Any) -> None:
    calls: list[bool] = []

    def handler(lease: Lease) -> JobResult:
        first = row(looking, "k1")["lease_until"]
        until(lambda: row(looking, "k1")["lease_until"] > first + timedelta(seconds=LEASE))
        calls.append(lease.alive())
        return Done()

    machine(handler, lease=LEASE).start().engine.submit("work", {}, queue=Queue.MESSAGES, key="k1")

    until(lambda: row(looking, "k1")["state"] == JobState.COMPLETED)
    assert calls == [True]


def test_a_lapsed_lease_does_not_end_the_next_one_of_the_same_process(machine: Any, looking: Any) -> None:
    leases: list[Lease] = []
    lapsed, first_is_over, checked = threading.Event(), threading.Event(), threading.Event()

    def handler(lease: Lease) -> JobResult:
        leases.append(lease)
        if len(leases) == 1:
            assert lapsed.wait(60)
            return Done()
        until(first_is_over.is_set)
        assert checked.wait(60)
        return Done()

    # Given a job that is claimed again by the process whose lease has lapsed
    one = machine(handler).start()
    one.engine.submit("work", {}, queue=Queue.MESSAGES, key="k1")
    until(lambda: len(leases) == 1)
    looking[JOBS].update_one({"_id": "k1"}, {"$set": {"state": "available", "lease_until": None}})
    until(lambda: len(leases) == 2)
    old, new = leases
    assert not old.alive()

    # When the first one comes to its end
    lapsed.set()
    until(lambda: one.engine.stats() == {"messages": 1})
    first_is_over.set()

    # Then the second still holds its lease
    assert new.alive()
    checked.set()
    until(lambda: row(looking, "k1")["state"] == JobState.COMPLETED)
    assert row(looking, "k1")["fence"] == 2


def test_a_job_that_no_worker_survives_is_buried_with_its_reason(
    machine: Any, looking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine(lambda lease: Done())
    one.engine.submit("work", {"n": 1}, queue=Queue.MESSAGES, key="k1")
    looking[JOBS].update_one({"_id": "k1"}, {"$set": {"attempt": MAX_ATTEMPTS, "error": "it exits"}})

    one.start()

    until(lambda: row(looking, "k1")["state"] == JobState.DISCARDED)
    assert one.buried == [({"n": 1}, "it exits")]


def test_draining_gives_running_jobs_back_without_burning_an_attempt(machine: Any, looking: Any) -> None:
    began = threading.Event()

    def handler(lease: Lease) -> JobResult:
        began.set()
        until(lambda: not lease.alive())
        return Later(0)

    one = machine(handler).start()
    one.engine.submit("work", {}, queue=Queue.MESSAGES, key="k1")
    assert began.wait(60)

    assert one.engine.drain(60) == 0

    left = row(looking, "k1")
    assert (left["state"], left["attempt"]) == (JobState.AVAILABLE, 0)


def test_a_job_runs_at_its_time_by_the_databases_clock(machine: Any, looking: Any) -> None:
    seen: list[str] = []
    one = machine(noting(seen, "job_id")).start()

    later = datetime.now(UTC) + timedelta(hours=1)
    one.engine.submit("work", {}, queue=Queue.MESSAGES, key="in an hour", run_at=later)
    one.engine.submit("work", {}, queue=Queue.MESSAGES, key="now")

    until(lambda: seen == ["now"])
    assert row(looking, "in an hour")["state"] == JobState.AVAILABLE


def test_the_queue_takes_no_more_than_its_seats_at_once(machine: Any, looking: Any) -> None:
    lock, at_once, most = threading.Lock(), 0, 0

    def handler(lease: Lease) -> JobResult:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.03)
        with lock:
            at_once -= 1
        return Done()

    one = machine(handler).start()
    one.engine.submit_many("work", [(f"k{n}", {}) for n in range(20)], queue=Queue.MESSAGES)

    until(lambda: looking[JOBS].count_documents({"state": "completed"}) == 20)
    assert most == 4


def waiting(one: Any, group: str, *keys: str) -> None:
    one.engine.submit_many("work", [(key, {}) for key in keys], queue=Queue.MESSAGES, group=group)


def test_a_held_group_waits_until_it_is_freed(machine: Any, looking: Any) -> None:
    seen: list[str] = []
    one = machine(noting(seen, "job_id"))
    waiting(one, "g1", "a", "b")
    waiting(one, "g2", "c")

    assert one.engine.hold("g1") == 2
    one.start()
    until(lambda: row(looking, "c")["state"] == JobState.COMPLETED)
    assert {row(looking, key)["state"] for key in "ab"} == {JobState.HELD}
    assert one.engine.free("g1") == 2

    until(lambda: row(looking, "a")["state"] == row(looking, "b")["state"] == JobState.COMPLETED)
    assert sorted(seen) == ["a", "b", "c"]


def test_a_dropped_group_never_runs(machine: Any, looking: Any) -> None:
    seen: list[str] = []
    one = machine(noting(seen, "job_id"))
    waiting(one, "g1", "a", "b")
    one.engine.hold("g1")
    waiting(one, "g1", "c")

    assert sorted(one.engine.drop("g1")) == ["a", "b", "c"]
    assert one.engine.free("g1") == 0
    waiting(one, "g2", "d")
    one.start()

    until(lambda: row(looking, "d")["state"] == JobState.COMPLETED)
    assert {row(looking, key)["state"] for key in "abc"} == {JobState.CANCELLED}
    assert row(looking, "a")["finished_at"] is not None
    assert seen == ["d"]


def test_a_job_that_parks_itself_waits_until_its_group_is_freed(machine: Any, looking: Any) -> None:
    seen: list[int] = []

    def handler(lease: Lease) -> JobResult:
        seen.append(lease.attempt)
        if len(seen) == 1:
            assert one.engine.park(lease)
        return Later(0)  # counts for nothing once it is parked

    one = machine(handler)
    waiting(one, "g1", "a")
    one.start()
    until(lambda: row(looking, "a")["state"] == JobState.HELD)
    until(lambda: not any(one.engine.stats().values()))
    assert not one.engine.park(Lease("a", 1, {}, 1, lambda: True))

    assert one.engine.free("g1") == 1

    until(lambda: len(seen) > 1)
    assert set(seen) == {1}


def test_what_runs_is_neither_held_nor_dropped(machine: Any, looking: Any) -> None:
    began, may_end = threading.Event(), threading.Event()

    def handler(lease: Lease) -> JobResult:
        began.set()
        assert may_end.wait(60)
        return Done()

    one = machine(handler).start()
    waiting(one, "g1", "a")
    assert began.wait(60)

    assert (one.engine.hold("g1"), one.engine.drop("g1")) == (0, [])
    may_end.set()

    until(lambda: row(looking, "a")["state"] == JobState.COMPLETED)


def submit_twenty(one: Any, turn: str) -> None:
    many: list[tuple[str, Mapping[str, Any]]] = [(f"{turn}:{n}", {}) for n in range(20)]
    one.engine.submit_many("work", many, queue=Queue.MESSAGES, fair=turn, group=turn)


def test_claiming_neither_scans_the_collection_nor_sorts_in_memory(machine: Any, looking: Any) -> None:
    looking.command("profile", 2, filter={"ns": looking[JOBS].full_name, "appName": "versant"})
    try:
        one = machine(lambda lease: Done()).start()
        for turn in ("a/1", "a/2", "b/1"):
            submit_twenty(one, turn)
        one.engine.drop("b/1")
        until(lambda: looking[JOBS].count_documents({"state": "completed"}) >= 40)
    finally:
        looking.command("profile", 0)
        asked = list(looking["system.profile"].find({"planSummary": {"$exists": True}}))
        looking["system.profile"].drop()

    assert {seen["op"] for seen in asked} >= {"command", "query", "update"}
    assert [seen for seen in asked if "COLLSCAN" in seen["planSummary"] or seen.get("hasSortStage")] == []
    heads = [seen for seen in asked if "DISTINCT_SCAN" in seen["planSummary"]]
    assert heads
    assert max(seen["keysExamined"] for seen in heads) <= 4  # one for each key that waits, and the end


def test_jobs_of_all_keys_take_turns(machine: Any, looking: Any) -> None:
    seen: list[str] = []
    one = machine(noting(seen, "job_id"), seats=1)
    for turn in ("a/1", "a/2", "b/1"):
        submit_twenty(one, turn)

    one.start()

    until(lambda: len(set(seen)) == 60, "sixty jobs", seen=lambda: len(set(seen)))
    first = [key.rpartition(":")[0] for key in seen[:20]]
    assert 9 <= first.count("b/1") <= 11
    assert 4 <= first.count("a/1") <= 6


def test_a_claim_whose_answer_was_lost_is_read_back(
    machine: Any, looking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    one = machine(noting(seen, "attempt"))
    one.engine.submit_many("work", [("a", {}), ("b", {})], queue=Queue.MESSAGES)
    write = one.jobs._jobs.update_many

    def lost(*args: Any) -> int:
        write(*args)
        raise AutoReconnect("the connection broke")

    monkeypatch.setattr(one.jobs._jobs, "update_many", lost)
    claimed = one.jobs.claim(["a", "b"], "t1", 30)
    monkeypatch.undo()

    assert {job.id for job in claimed} == {"a", "b"}
    assert one.jobs.claim(["a", "b"], "t2", 30) == []


def test_a_job_that_only_a_newer_version_knows_is_left_to_it(machine: Any, looking: Any) -> None:
    newer, older = machine(lambda lease: Done()), machine(lambda lease: Done())
    newer.engine.handle("new work", lambda lease: Done(), lambda args, reason: None)
    newer.engine.submit("new work", {}, queue=Queue.MESSAGES, key="k1")

    older.start()
    left = until(lambda: looking[JOBS].find_one({"_id": "k1", "fence": {"$gte": 1}, "state": "available"}))

    assert left["attempt"] == 0
