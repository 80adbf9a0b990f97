"""From a claim to a thread: what no thread takes is given back, and what is held is renewed together."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from services.jobs.documents import INDEXES, JOBS, JobState
from services.jobs.leases import Leases
from services.ports import Done, Queue
from tests.contracts.machines import SHORT_LEASE, Machine, row
from tests.waiting import pause, until
from utils.clock import SystemClock

THREADS = 8  # of a machine's processor


@pytest.fixture
def make(runtime: Any, looking: Any) -> Iterator[Callable[..., Machine]]:
    looking[JOBS].create_indexes(INDEXES[JOBS])
    made: list[Machine] = []

    def machine(**how: Any) -> Machine:
        made.append(Machine("threads", runtime.store, lambda lease: Done(), **how))
        return made[-1]

    pause(runtime)
    yield machine
    for each in made:
        each.stop()
    runtime.engine.resume()


def submitted(one: Machine, *keys: str) -> Machine:
    one.engine.submit_many("work", [(key, {}) for key in keys], queue=Queue.MESSAGES)
    return one


def filled(one: Machine) -> threading.Event:
    """Take every thread of a machine until the event is set."""
    gate = threading.Event()
    for _ in range(THREADS):
        assert one.engine._processor.try_submit(gate.wait, 60)
    return gate


def test_where_no_thread_can_be_started_every_lease_is_given_back(
    make: Any, looking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, start = submitted(make(), "a", "b", "c"), threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        if thread.name.startswith("background"):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(RuntimeError, match="can't start"):
        one.engine.poll(Queue.MESSAGES)
    monkeypatch.undo()

    assert one.engine.stats() == {}
    rows = [row(looking, key) for key in "abc"]
    assert [(each["state"], each["attempt"]) for each in rows] == [(JobState.AVAILABLE, 0)] * 3
    one.engine.poll(Queue.MESSAGES)
    until(lambda: all(row(looking, key)["state"] == JobState.COMPLETED for key in "abc"))


def test_a_lease_that_cannot_be_given_back_is_held_no_more(
    make: Any, looking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = submitted(make(lease=SHORT_LEASE), "a", "b")
    gate = filled(one)

    def away(*_: Any, **__: Any) -> bool:
        raise AutoReconnect("away")

    monkeypatch.setattr(one.jobs, "release", away)
    with pytest.raises(AutoReconnect):
        one.engine.poll(Queue.MESSAGES)
    monkeypatch.undo()

    assert one.engine.stats() == {}
    gate.set()
    one.start()  # the leases lapse
    until(lambda: all(row(looking, key)["state"] == JobState.COMPLETED for key in "ab"))


def test_without_a_free_thread_it_is_claimed_once_and_not_in_a_circle(make: Any, looking: Any) -> None:
    one = submitted(make(), "a")
    gate = filled(one)
    enough = threading.Timer(30, gate.set)  # of going in a circle
    enough.start()

    one.engine.poll(Queue.MESSAGES)

    enough.cancel()
    assert (row(looking, "a")["fence"], row(looking, "a")["state"]) == (1, JobState.AVAILABLE)
    gate.set()


@pytest.mark.expects_errors
def test_more_seats_than_threads_are_said_aloud(make: Any, caplog: pytest.LogCaptureFixture) -> None:
    make(seats=THREADS)
    assert not caplog.messages

    make(seats=THREADS + 1)

    assert caplog.messages == ["JOB_WORKERS is 8, but the queues have 9 seats"]


def test_all_leases_are_renewed_at_once_and_only_ones_own(make: Any, looking: Any) -> None:
    one, clock = submitted(make(), "a", "b", "c"), SystemClock()
    leases = Leases(one.jobs, clock, 30)
    for job in one.jobs.claim(["a", "b", "c"], "t1", 0.001):
        leases.take(job, clock.monotonic() - 29)
    held = list(leases._all())
    until(lambda: one.jobs.rescue() or all(row(looking, key)["state"] == JobState.AVAILABLE for key in "abc"))
    looking[JOBS].update_many(
        {"_id": {"$in": ["a", "c"]}}, {"$set": {"state": JobState.RUNNING}}, hint="_id_"
    )
    one.jobs.claim(["b"], "t2", 7)
    others = row(looking, "b")["lease_until"]
    assert not any(leases.lasts(each.job) for each in held)

    leases.renew(60)

    assert {each.job.id for each in held if leases.lasts(each.job)} == {"a", "c"}
    assert row(looking, "b")["lease_until"] == others
    assert row(looking, "a")["lease_until"] == row(looking, "c")["lease_until"]
    leases.renew(1)  # for too long already
    assert not any(leases.lasts(each.job) for each in held)
