"""A worker stands still past its lease, another one does the work, then the first one goes on."""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil
import pytest
from pymongo.errors import AutoReconnect

from main import Runtime
from services.batch_jobs.documents import BatchJobState, Delivery, RepeatPolicy
from services.batch_jobs.sending import NOT_CALLED
from services.batch_jobs.service import scope_of
from services.imports.documents import RosterImport
from services.imports.preview import KILLED_TRIES
from services.imports.service import APPLY_JOB, PREVIEW_JOB
from services.ports import Accepted, Busy, Channel, Done, JobHandler, Later, Lease, Refused, SendUnit
from tests.cast import Campus, Cast, Person, roster
from tests.faults.product import READER
from tests.services.batch_jobs.test_sending import Bench
from tests.waiting import pause, until
from utils.limited_process import Killed, Limits

IMPORTS = "/student_management/imports"
ASHA = "CSE,001,Asha Rao,9876543210,asha@example.com"
BALA = "ECE,002,Bala Iyer,9876543211,bala@example.com"


@pytest.fixture
def bench(runtime: Runtime) -> Bench:
    return Bench(runtime)


class Hands:
    """The app's import jobs, run by hand instead of by its engine."""

    def __init__(self, runtime: Runtime, cast: Cast) -> None:
        self.admin: Person = cast.north.admin
        self._campus: Campus = cast.north
        self._handlers = runtime.engine._handlers
        self.preview, self.apply = self._handlers[PREVIEW_JOB].run, self._handlers[APPLY_JOB].run
        self.fence = 0

    def upload(self, **form: Any) -> Any:
        """Upload two students; nobody begins to read."""
        fields = {"batch_id": self._campus.batch_id, **form, "file": roster(ASHA, BALA)}
        return self.admin.post(IMPORTS, status=202, data=fields)

    def claim(self, shown: Any, meanwhile: Callable[[], object] = lambda: None, attempt: int = 1) -> Lease:
        """Return the lease of a new claim, during which something else happens once."""
        self.fence += 1
        todo = [meanwhile]

        def alive() -> bool:
            if todo:
                todo.pop()()
            return True

        args = {"import_id": shown["id"], "campus_id": self._campus.id}
        return Lease(shown["id"], self.fence, args, attempt, alive)

    def overtaken(self, job: JobHandler, shown: Any) -> None:
        """Run a job that is done by a newer claim while it stands still."""
        first = self.claim(shown, lambda: job(second))
        second = self.claim(shown)
        job(first)

    def shown(self, shown: Any) -> Any:
        return self.admin.get(f"{IMPORTS}/{shown['id']}")

    def rows(self, shown: Any, outcome: str) -> int:
        return len(self.admin.get(f"{IMPORTS}/{shown['id']}/rows?outcome={outcome}")["items"])


@pytest.fixture
def hands(runtime: Runtime, cast: Cast) -> Any:
    hands = Hands(runtime, cast)
    pause(runtime)
    yield hands
    runtime.engine.resume()


def test_a_reading_that_was_overtaken_leaves_the_rows_of_the_other_alone(hands: Hands) -> None:
    shown = hands.upload()

    hands.overtaken(hands.preview, shown)

    assert hands.shown(shown)["counts"]["new"] == 2
    assert hands.rows(shown, "new") == 2


def test_a_reading_that_comes_too_late_for_the_file_says_nothing(hands: Hands, db: Any) -> None:
    shown = hands.upload()
    stale = RosterImport.from_mongo(db["imports"].find_one({"_id": shown["id"]}))
    hands.preview(hands.claim(shown))

    preview = hands.preview.__self__._preview  # type: ignore[attr-defined]
    preview.run(stale, Limits(), hands.claim(shown), lambda _: None)

    assert hands.shown(shown)["state"] == "previewed"
    assert hands.rows(shown, "new") == 2


def test_rows_that_another_worker_has_applied_are_not_errors(hands: Hands, db: Any) -> None:
    shown = hands.upload(dry_run="false")
    hands.preview(hands.claim(shown))

    hands.overtaken(hands.apply, shown)

    after = hands.shown(shown)
    assert (after["state"], after["rows_done"]) == ("applied", 2)
    assert after["counts"] == {"total": 2, "new": 2, "changed": 0, "same": 0, "error": 0}
    assert (hands.rows(shown, "new"), hands.rows(shown, "error")) == (2, 0)
    assert db["students"].count_documents({"username": {"$gte": ""}}) == 2


def test_what_a_reading_leaves_that_died_at_its_end_is_removed_by_the_next_claim(
    hands: Hands, runtime: Runtime, db: Any
) -> None:
    shown = hands.upload()
    file = runtime.settings.data_dir / "files" / "imports" / shown["id"]
    content = file.read_bytes()
    hands.preview(hands.claim(shown))
    assert not file.exists()
    file.write_bytes(content)
    row = db["import_rows"].find_one({"import_id": shown["id"], "run": 1})
    db["import_rows"].insert_one(row | {"_id": "of a reading that died", "run": 0})

    hands.preview(hands.claim(shown))

    assert not file.exists()
    assert db["import_rows"].count_documents({"import_id": shown["id"], "run": {"$gte": 0}}) == 2


def _kill_the_reader() -> None:
    def killed() -> bool:
        for child in psutil.Process().children():
            with suppress(psutil.Error, ProcessLookupError):
                if READER in child.cmdline():
                    os.kill(child.pid, signal.SIGKILL)
                    return True
        return False

    until(killed, "a reader", pause=0.005)


@pytest.mark.parametrize("attempt", [1, KILLED_TRIES])
def test_a_reader_that_is_killed_is_started_again_a_few_times(hands: Hands, attempt: int) -> None:
    shown = hands.upload()
    killer = threading.Thread(target=_kill_the_reader)
    killer.start()

    lease = hands.claim(shown, attempt=attempt)
    if attempt < KILLED_TRIES:
        with pytest.raises(Killed):
            hands.preview(lease)
        killer.join()
        hands.preview(hands.claim(shown, attempt=attempt + 1))
        assert hands.shown(shown)["counts"]["new"] == 2
    else:
        hands.preview(lease)
        killer.join()
        assert hands.shown(shown)["failure"]["slug"] == "interrupted"


@pytest.mark.parametrize(
    ("answer", "state"),
    [(Accepted(("m1",)), "sent"), (Refused("no such number"), "failed"), (Busy("429", 1.0), "failed")],
)
def test_a_late_answer_settles_what_a_newer_claim_had_to_call_unknown(
    bench: Bench, looking: Any, answer: Any, state: str
) -> None:
    def overtaken(unit: SendUnit) -> Any:
        bench.run()
        return answer

    bench.sms.answers = [overtaken]
    bench.job(1, Channel.SMS)

    bench.run()

    (row,) = looking["deliveries"].find()
    assert row["state"] == state
    assert [step["state"] for step in row["history"]] == ["pending", "sending", "unknown", state]
    assert row["provider_message_id"] == ("m1" if state == "sent" else None)
    assert len(bench.sms.calls) == 1


def test_a_write_whose_answer_was_lost_leaves_nothing_in_doubt(
    bench: Bench, looking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = bench.deliveries.begin

    def lost(*args: Any) -> list[Delivery]:
        begin(*args)
        raise AutoReconnect("mongod was killed")

    bench.job(2, Channel.SMS)
    with monkeypatch.context() as patch:
        patch.setattr(bench.deliveries, "begin", lost)
        with pytest.raises(AutoReconnect):
            bench.run()
    assert bench.states(looking) == ["pending", "pending"]

    assert bench.run() == Done()

    assert bench.states(looking) == ["sent", "sent"]


def test_a_write_whose_answer_was_lost_takes_nothing_from_an_older_claim_that_is_calling(
    bench: Bench, looking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(*args: Any) -> list[Delivery]:
        begun = {"state": "sending", "fence": 1}  # by a claim that stood still since before this one
        looking["deliveries"].update_one({}, {"$set": begun})
        raise AutoReconnect("mongod was killed")

    bench.job(1, Channel.SMS)
    bench.fence = 1
    monkeypatch.setattr(bench.deliveries, "begin", overtaken)
    with pytest.raises(AutoReconnect):
        bench.run()

    assert bench.states(looking) == ["sending"]


def test_whoever_stood_still_before_the_call_says_that_nothing_was_sent(
    bench: Bench, looking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = bench.deliveries.begin

    def slow(*args: Any) -> Any:
        begin(*args)
        monkeypatch.undo()
        bench.run()  # a newer claim cannot know that the older one has not called
        return []

    bench.job(1, Channel.SMS)
    monkeypatch.setattr(bench.deliveries, "begin", slow)

    bench.run()

    (row,) = looking["deliveries"].find()
    assert (row["state"], row["last_error"]) == ("failed", NOT_CALLED)
    assert bench.sms.calls == []


def test_busy_is_written_before_anything_else_is_asked(
    bench: Bench, looking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> float:
        raise AutoReconnect("mongod was killed")

    bench.sms.answers = [Busy("429", 1.0)]
    bench.job(1, Channel.SMS)
    monkeypatch.setattr(bench.deliveries, "seconds_since", away)

    with pytest.raises(AutoReconnect):
        bench.run()

    assert bench.states(looking) == ["pending"]


def test_whoever_stood_still_ends_no_sub_batch_of_which_another_has_put_back_something(
    bench: Bench, looking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, after = [True], bench.precautions.after

    def stood_still(*args: Any) -> Any:
        found = after(*args)
        monkeypatch.undo()
        looking["deliveries"].update_many({}, {"$set": {"state": "pending"}})  # by a newer claim
        held.clear()
        return found

    job = bench.job(1, Channel.SMS, policy=RepeatPolicy.AT_LEAST_ONCE)
    monkeypatch.setattr(bench.precautions, "after", stood_still)

    assert bench.run(alive=lambda: bool(held)) == Later(0)
    assert not looking["sub_batches"].find_one({"job_id": job.id})["done"]

    assert bench.run() == Done()
    assert bench.states(looking) == ["sent"]


def test_whose_lease_is_over_puts_nothing_back(
    bench: Bench, looking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [True]

    def last(unit: SendUnit) -> Any:
        held.clear()
        return Accepted()

    def too_late(*_: Any) -> Any:
        raise AssertionError("it looked for what is in doubt")

    bench.sms.answers = [last]
    bench.job(1, Channel.SMS, policy=RepeatPolicy.AT_LEAST_ONCE)
    monkeypatch.setattr(bench.precautions, "after", too_late)

    assert bench.run(alive=lambda: bool(held)) == Later(0)


def test_no_job_ends_while_something_of_it_is_open_and_it_is_sent_all_the_same(
    bench: Bench, looking: Any
) -> None:
    job = bench.job(1, Channel.SMS)
    looking["sub_batches"].update_one({"job_id": job.id}, {"$set": {"done": True}})

    bench.lifecycle.complete("c1", job.id)
    assert looking["batch_jobs"].find_one({"_id": job.id})["finished_at"] is None

    assert bench.run() == Done()
    assert bench.states(looking) == ["sent"]
    assert looking["batch_jobs"].find_one({"_id": job.id})["state"] == "completed"


def test_old_counts_do_not_overwrite_those_of_the_end(bench: Bench, looking: Any) -> None:
    job = bench.job(2, Channel.EMAIL)
    bench.run()
    end = looking["batch_jobs"].find_one({"_id": job.id})

    bench.jobs.save_counts(scope_of("c1"), job.id, BatchJobState.RUNNING, {"pending": 2}, (1, 0))

    kept = looking["batch_jobs"].find_one({"_id": job.id})
    assert (kept["counts"], kept["sub_batches_done"]) == (end["counts"], 1) == ({"sent": 2}, 1)
