"""Pause and cancel while a worker is in the middle, and people who die between two steps of what they do."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from config.permissions import Role
from models import Actor
from services.batch_jobs.brake import FRESH_SECONDS, STALE_SECONDS, Brake
from services.batch_jobs.documents import FENCES_PER_ROUND, BatchJob, BatchJobState
from services.ports import (
    Accepted,
    Ambiguous,
    Blocked,
    Busy,
    Channel,
    Done,
    Later,
    Lease,
    SendOutcome,
    SendUnit,
)
from tests.services.batch_jobs.test_sending import Bench

BOSS = Actor(id="admin", role=Role.SUPERADMIN, name="Boss", username="boss", campus_id=None)


@pytest.fixture
def bench(runtime: Any) -> Bench:
    return Bench(runtime)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every look at a job's state be a new one."""
    monkeypatch.setattr("services.batch_jobs.brake.FRESH_SECONDS", -1.0)


def state(looking: Any, job: BatchJob) -> Any:
    return looking["batch_jobs"].find_one({"_id": job.id})["state"]


def meanwhile(do: Callable[[], object], answer: SendOutcome) -> Callable[[SendUnit], SendOutcome]:
    """Return an answer that comes after something else was done."""

    def said(_: SendUnit) -> SendOutcome:
        do()
        return answer

    return said


@pytest.mark.usefixtures("eager")
def test_what_is_on_its_way_ends_and_nothing_follows_it(bench: Bench, looking: Any) -> None:
    job = bench.job(6, Channel.EMAIL)
    bench.email.answers = [meanwhile(lambda: bench.control.pause(job.id, BOSS), Accepted(("a", "b", "c")))]

    assert isinstance(bench.run(), Later)
    assert bench.run() == Done()  # it has parked itself

    assert bench.states(looking) == ["sent"] * 3 + ["pending"] * 3
    assert len(bench.email.calls) == 1
    bench.control.resume(job.id, BOSS)
    assert bench.run() == Done()
    assert bench.states(looking) == ["sent"] * 6
    assert state(looking, job) == "completed"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Accepted(), ["sent", "sent", "skipped"]),
        (Busy("429", 1.0), ["skipped"] * 3),
        (Ambiguous("timeout"), ["unknown", "unknown", "skipped"]),
    ],
)
@pytest.mark.usefixtures("eager")
def test_a_cancelled_job_reports_what_was_on_its_way(
    bench: Bench, looking: Any, answer: SendOutcome, expected: list[str]
) -> None:
    bench.email.unit_size = 2
    job = bench.job(3, Channel.EMAIL)
    bench.email.answers = [meanwhile(lambda: bench.control.cancel(job.id, BOSS), answer)]

    first = bench.run()
    if first != Done():
        assert looking["batch_jobs"].find_one({"_id": job.id})["finished_at"] is None
        assert bench.run() == Done()

    assert bench.states(looking) == expected
    assert len(bench.email.calls) == 1
    ended = looking["batch_jobs"].find_one({"_id": job.id})
    assert (ended["state"], sum(ended["counts"].values())) == ("cancelled", 3)
    assert ended["finished_at"] is not None


def test_a_call_in_vain_with_a_long_wait_makes_a_job_retryable_until_one_succeeds(
    bench: Bench, looking: Any
) -> None:
    bench.email.answers = [Busy("503", 60.0)]
    job = bench.job(1, Channel.EMAIL)

    assert bench.run() == Later(60.0)
    waiting = state(looking, job)
    paused = bench.control.pause(job.id, BOSS).state
    back = bench.control.resume(job.id, BOSS).state
    bench.run()

    assert (waiting, paused, back) == ("retryable", "paused", "retryable")
    assert state(looking, job) == "completed"
    actions = [
        row["action"] for row in looking["audit"].find({"target": f"batch_job:{job.id}", "campus_id": "c1"})
    ]
    assert "batch_job.retryable" in actions
    assert actions.count("batch_job.running") == 1


def test_a_refused_account_makes_a_job_retryable(bench: Bench, looking: Any) -> None:
    bench.email.answers = [Blocked("402")]
    job = bench.job(1, Channel.EMAIL)

    bench.run()

    assert state(looking, job) == "retryable"


def test_a_late_worker_of_an_earlier_round_cannot_touch_what_is_tried_again(
    bench: Bench, looking: Any
) -> None:
    job = bench.job(1, Channel.SMS)
    first = bench.work[0]
    bench.sms.answers = [Ambiguous("reset")]
    bench.fence = 40
    bench.run()
    bench.control.retry(job.id, include_unknown=True, actor=BOSS)
    again = bench.finish
    bench.retrying.run(Lease("retry", 1, again.args, 1, lambda: True))
    [row] = looking["deliveries"].find()
    assert row["fence"] == FENCES_PER_ROUND

    bench.sending.run(Lease(first[0], 41, first[1], 2, lambda: True))
    late = bench.deliveries.settle(bench.scope, [row["_id"]], 41, row["state"])
    assert bench.deliveries.begin(bench.scope, [row["_id"]], 41, [row["state"]]) == []

    assert late == 0
    assert bench.states(looking) == ["pending"]
    bench.work.pop(0)
    assert bench.run() == Done()
    assert bench.states(looking) == ["sent"]


def test_a_retry_that_dies_between_two_steps_is_taken_up_by_the_next_claim(
    bench: Bench, looking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = bench.job(5, Channel.EMAIL)
    bench.run()
    looking["deliveries"].update_many({"job_id": job.id}, {"$set": {"state": "failed"}})
    monkeypatch.setattr(bench.retrying, "_size", 2)
    bench.control.retry(job.id, include_unknown=False, actor=BOSS)
    order = bench.finish.args
    send_later, calls = bench.service.send_later, [0]

    def dies(*args: Any) -> None:
        send_later(*args)
        calls[0] += 1
        if calls[0] == 2:
            raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(bench.service, "send_later", dies)
        with pytest.raises(SystemExit):
            bench.retrying.run(Lease("retry", 1, order, 1, lambda: True))
    assert sorted(bench.states(looking)) == ["failed"] * 3 + ["pending"] * 2

    assert bench.retrying.run(Lease("retry", 2, order, 2, lambda: True)) == Done()

    assert bench.states(looking) == ["pending"] * 5
    assert len({row["unit"] for row in looking["deliveries"].find()}) == 3
    assert looking["sub_batches"].count_documents({"job_id": job.id, "done": False}) == 3


@pytest.mark.parametrize("what", ["pause", "cancel"])
def test_who_dies_before_the_commit_has_done_nothing(
    bench: Bench, looking: Any, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    job = bench.job(2, Channel.EMAIL)

    def dies(*_: Any, **__: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(bench.lifecycle, "record", dies)
    with pytest.raises(SystemExit):
        getattr(bench.control, what)(job.id, BOSS)

    assert state(looking, job) == "queued"
    assert bench.states(looking) == ["pending"] * 2


def test_who_dies_right_after_cancelling_leaves_the_end_to_a_durable_job(
    bench: Bench, looking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = bench.job(2, Channel.EMAIL)
    bench.dropped = [bench.work[0][0]]

    def dies(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(bench.lifecycle, "finish", dies)
        with pytest.raises(SystemExit):
            bench.control.cancel(job.id, BOSS)
    assert (state(looking, job), bench.states(looking)) == ("cancelled", ["pending"] * 2)
    assert looking["batch_jobs"].find_one({"_id": job.id})["finished_at"] is None
    again = replace(bench.finish, alive=lambda: False)
    assert bench.sending.finish(again) == Later(0)

    assert bench.sending.finish(bench.finish) == Done()

    assert bench.states(looking) == ["skipped"] * 2
    assert looking["batch_jobs"].find_one({"_id": job.id})["finished_at"] is not None


def test_a_look_is_believed_for_a_moment_and_a_slow_one_not_at_all() -> None:
    clock, looks, slow = [0.0], [0], [0.0]

    def look() -> BatchJobState:
        looks[0] += 1
        clock[0] += slow[0]
        return BatchJobState.RUNNING

    brake = Brake(look, lambda: clock[0])

    assert brake.free()
    clock[0] += FRESH_SECONDS / 2
    assert brake.free()
    assert looks == [1]
    clock[0] += FRESH_SECONDS
    slow[0] = STALE_SECONDS + 0.1
    assert not brake.free()
    assert looks == [2]
