"""Pausing, resuming, cancelling, retrying jobs; dead letters; a start at a later time; the report."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from main import Runtime
from services.batch_jobs.documents import BatchJobState
from services.batch_jobs.repository import BatchJobRepository
from services.batch_jobs.retention import RETENTION_JOB
from services.batch_jobs.service import SEND_JOB, scope_of
from services.ports import Lease
from tests.cast import Cast, Person
from tests.clients import pointers, same
from tests.routes.test_student_credentials import JOBS, send, student
from tests.waiting import pause

LETTERS = "/batch_processing/dead_letters"


@pytest.fixture
def waiting(cast: Cast, runtime: Runtime, at_rest: Any, db: Any) -> Iterator[Any]:
    """A job of three messages that no worker has begun: the engine rests until a test lets it go on."""
    ids = [student(cast.north, f"a{number}") for number in range(3)]
    at_rest()
    pause(runtime)
    yield fill(runtime, db, send(cast.north.admin, student_ids=ids))
    runtime.engine.resume()


def fill(runtime: Runtime, db: Any, job: Any) -> Any:
    """Add a job's recipients by hand."""
    row = db.engine_jobs.find_one({"_id": f"fill:{job['id']}"})
    runtime.services.student_credentials.fill(Lease(row["_id"], 1, row["args"], 1, lambda: True))
    db.engine_jobs.delete_one({"_id": row["_id"]})
    return job


def do(person: Person, job: Any, what: str, status: int = 200, body: Any = None) -> Any:
    return person.post(f"{JOBS}/{job['id']}/{what}", body, status=status)


def read(person: Person, job: Any) -> Any:
    return person.get(f"{JOBS}/{job['id']}")


def counted(shown: Any) -> dict[str, int]:
    return {state: count for state, count in shown["counts"].items() if count}


def audited(db: Any, campus_id: str, job: Any) -> list[str]:
    wanted = {"campus_id": campus_id, "target": f"batch_job:{job['id']}", "action": {"$gte": "batch_job."}}
    rows = db.audit.find(wanted).sort([("at", -1), ("_id", -1)])
    return [row["action"].removeprefix("batch_job.") for row in rows if row["action"] < "batch_job/"][::-1]


def fail(db: Any, job: Any, state: str = "failed", **which: Any) -> None:
    db.deliveries.update_many({"job_id": job["id"], **which}, {"$set": {"state": state}})


def test_a_paused_job_costs_nothing_and_goes_on_where_it_was(
    cast: Cast, runtime: Runtime, waiting: Any, db: Any, at_rest: Any, outbox: Any
) -> None:
    admin, before = cast.north.admin, len(outbox())

    paused = do(admin, waiting, "pause")
    runtime.engine.resume()
    at_rest()  # nothing of it is due, or looks whether it might be

    assert (paused["state"], counted(paused)) == ("paused", {"pending": 3})
    assert len(outbox()) == before
    assert {row["state"] for row in db.engine_jobs.find({"group": waiting["id"]})} == {"held"}
    assert do(admin, waiting, "resume")["state"] == "queued"
    at_rest()
    done = read(admin, waiting)
    assert (done["state"], counted(done)) == ("completed", {"delivered": 3})
    assert len(outbox()) == before + 3
    assert audited(db, cast.north.id, waiting) == ["paused", "resumed", "started", "completed"]


def test_a_cancelled_job_skips_what_is_pending_and_says_why(
    cast: Cast, runtime: Runtime, waiting: Any, db: Any, at_rest: Any, outbox: Any
) -> None:
    admin, before = cast.north.admin, len(outbox())

    cancelled = do(admin, waiting, "cancel")
    runtime.engine.resume()
    at_rest()

    assert (cancelled["state"], counted(cancelled), cancelled["percent"]) == (
        "cancelled",
        {"skipped": 3},
        100.0,
    )
    assert cancelled["finished_at"] is not None
    assert cancelled["sub_batches"] == {"total": 1, "done": 1}
    assert read(admin, waiting) == cancelled
    assert len(outbox()) == before
    shown = admin.get(f"{JOBS}/{waiting['id']}/recipients?state=skipped")["items"]
    assert {one["last_error"] for one in shown} == {"cancelled"}
    assert audited(db, cast.north.id, waiting) == ["cancelled"]
    [kept] = [one for one in admin.get(JOBS)["items"] if one["id"] == waiting["id"]]
    assert kept["counts"] == cancelled["counts"]


def test_a_paused_job_can_be_cancelled(cast: Cast, waiting: Any) -> None:
    do(cast.north.admin, waiting, "pause")

    assert counted(do(cast.north.admin, waiting, "cancel")) == {"skipped": 3}


def test_what_a_state_does_not_allow_is_a_conflict_that_names_it(cast: Cast, waiting: Any) -> None:
    admin = cast.north.admin

    resumed = do(admin, waiting, "resume", 409)
    do(admin, waiting, "cancel")
    after = [do(admin, waiting, what, 409) for what in ("pause", "resume", "cancel")]

    assert (resumed["type"], resumed["state"]) == ("/problems/batch-job-state-forbids", "queued")
    assert resumed["allowed"] == ["paused"]
    assert [one["state"] for one in after] == ["cancelled"] * 3


def test_a_job_that_is_cancelled_while_it_is_filled_skips_those_who_come(
    cast: Cast, runtime: Runtime, at_rest: Any, db: Any
) -> None:
    north = cast.north
    known = cast.student(north, "a1")
    at_rest()
    links = db.one_time_links.count_documents({"user_id": known.id})
    pause(runtime)
    job = send(north.admin, student_ids=[known.id])
    filler = db.engine_jobs.find_one({"_id": f"fill:{job['id']}"})

    do(north.admin, job, "cancel")
    runtime.services.student_credentials.fill(Lease(filler["_id"], 1, filler["args"], 1, lambda: True))
    runtime.engine.resume()
    at_rest()

    done = read(north.admin, job)
    assert (done["state"], counted(done)) == ("cancelled", {"skipped": 1})
    assert done["finished_at"] is not None
    assert db.one_time_links.count_documents({"user_id": known.id}) == links


def test_failed_messages_are_tried_again_and_no_others(
    cast: Cast, runtime: Runtime, waiting: Any, db: Any, at_rest: Any, outbox: Any
) -> None:
    admin = cast.north.admin
    runtime.engine.resume()
    at_rest()
    rows = list(db.deliveries.find({"job_id": waiting["id"]}).sort("number"))
    fail(db, waiting, recipient_id=rows[0]["recipient_id"])
    fail(db, waiting, "unknown", recipient_id=rows[1]["recipient_id"])

    again = do(admin, waiting, "retry_failed")
    at_rest()

    assert (again["state"], again["finished_at"]) == ("running", None)
    done = read(admin, waiting)
    assert (done["state"], counted(done)) == ("completed", {"delivered": 2, "unknown": 1})
    assert done["sub_batches"] == {"total": 2, "done": 2}
    moved = {row["_id"]: row for row in db.deliveries.find({"job_id": waiting["id"]})}
    assert moved[rows[0]["_id"]]["unit"] != rows[0]["unit"]
    assert [moved[row["_id"]]["unit"] for row in rows[1:]] == [row["unit"] for row in rows[1:]]
    assert audited(db, cast.north.id, waiting)[-2:] == ["retried", "completed"]


def test_what_is_tried_again_days_later_carries_a_link_that_holds(
    cast: Cast, runtime: Runtime, waiting: Any, db: Any, at_rest: Any
) -> None:
    runtime.engine.resume()
    at_rest()
    fail(db, waiting)
    past = datetime.now(UTC) - timedelta(days=4)
    db.batch_jobs.update_one({"_id": waiting["id"]}, {"$set": {"created_at": past}})
    theirs = db.deliveries.distinct("recipient_id", {"job_id": waiting["id"]})
    expired = {"$set": {"expires_at": past}}
    db.one_time_links.update_many({"user_id": {"$in": theirs}, "ended_at": None}, expired)

    do(cast.north.admin, waiting, "retry_failed")
    at_rest()

    body = {"token": cast.token_for("a0@example.com"), "new_password": "a quiet river at dawn 7"}
    assert cast.north.admin.http.post("/auth/activate", json=body).status_code == 204


def test_what_is_tried_again_after_a_newer_link_went_out_is_not_sent(
    cast: Cast, runtime: Runtime, waiting: Any, db: Any, at_rest: Any, outbox: Any
) -> None:
    admin = cast.north.admin
    runtime.engine.resume()
    at_rest()
    fail(db, waiting)
    older = cast.token_for("a0@example.com")
    theirs = db.deliveries.distinct("recipient_id", {"job_id": waiting["id"]})
    start = datetime.now(UTC) + timedelta(seconds=4)
    send(admin, student_ids=theirs, start_at=start.isoformat())
    at_rest()
    before = len(outbox())

    do(admin, waiting, "retry_failed")
    at_rest()

    assert counted(read(admin, waiting)) == {"skipped": 3}
    shown = admin.get(f"{JOBS}/{waiting['id']}/recipients")["items"]
    assert {one["last_error"] for one in shown} == {"a newer link was sent"}
    assert len(outbox()) == before
    for token, status in ((older, 410), (cast.token_for("a0@example.com"), 204)):
        body = {"token": token, "new_password": "a quiet river at dawn 7"}
        assert admin.http.post("/auth/activate", json=body).status_code == status


def test_a_message_whose_link_is_no_longer_kept_is_not_sent(
    cast: Cast, waiting: Any, runtime: Runtime, db: Any, at_rest: Any, outbox: Any
) -> None:
    theirs = db.deliveries.distinct("recipient_id", {"job_id": waiting["id"]})
    before = len(outbox())

    db.one_time_links.delete_many({"user_id": {"$in": theirs[:1]}})
    runtime.engine.resume()
    at_rest()

    assert counted(read(cast.north.admin, waiting)) == {"delivered": 2, "skipped": 1}
    assert len(outbox()) == before + 2
    [skipped] = db.deliveries.find({"job_id": waiting["id"], "state": "skipped"})
    assert skipped["last_error"] == "its link has ended: no longer kept"


def test_unknown_messages_are_tried_again_by_explicit_choice(
    cast: Cast, runtime: Runtime, waiting: Any, db: Any, at_rest: Any
) -> None:
    admin = cast.north.admin
    runtime.engine.resume()
    at_rest()
    fail(db, waiting, "unknown")

    assert do(admin, waiting, "retry_failed", 409)["type"] == "/problems/nothing-to-retry"
    assert do(admin, waiting, "retry_failed", 409, {})["type"] == "/problems/nothing-to-retry"
    do(admin, waiting, "retry_failed", 422, {"include": "unknown"})
    do(admin, waiting, "retry_failed", body={"include_unknown": True})
    at_rest()

    assert counted(read(admin, waiting)) == {"delivered": 3}


def test_a_job_that_has_not_begun_or_is_paused_has_nothing_to_retry(cast: Cast, waiting: Any) -> None:
    admin = cast.north.admin

    assert do(admin, waiting, "retry_failed", 409)["state"] == "queued"
    do(admin, waiting, "pause")
    assert do(admin, waiting, "retry_failed", 409)["state"] == "paused"


def test_a_given_up_sub_batch_is_a_dead_letter_that_can_be_put_back_once(
    cast: Cast, runtime: Runtime, waiting: Any, db: Any, at_rest: Any
) -> None:
    admin = cast.north.admin
    poison = {"group": waiting["id"], "name": SEND_JOB}
    db.engine_jobs.update_one(poison, {"$set": {"attempt": 25, "error": "MemoryError"}})
    runtime.engine.resume()
    at_rest()

    given_up = read(admin, waiting)
    [letter] = admin.get(LETTERS)["items"]
    assert (given_up["state"], counted(given_up)) == ("discarded", {"failed": 3})
    assert (letter["job_id"], letter["job_type"], letter["channel"]) == (
        waiting["id"],
        "credentials",
        "email",
    )
    assert (letter["deliveries"], letter["reason"], letter["number"]) == (3, "MemoryError", 0)
    fail(db, waiting, "unknown", number=0)

    again = admin.post(f"{LETTERS}/{letter['id']}/requeue", status=200)
    second = admin.post(f"{LETTERS}/{letter['id']}/requeue", status=409)
    at_rest()

    assert (again["id"], again["state"]) == (waiting["id"], "running")
    assert second["type"] == "/problems/already-put-back"
    assert admin.get(LETTERS)["items"] == []
    done = read(admin, waiting)
    assert (done["state"], counted(done)) == ("completed", {"delivered": 2, "unknown": 1})
    log = audited(db, cast.north.id, waiting)
    assert log == ["sub_batch_given_up", "discarded", "dead_letter_requeued", "completed"]


def test_a_retry_of_the_whole_job_puts_its_dead_letters_back(
    cast: Cast, runtime: Runtime, waiting: Any, db: Any, at_rest: Any
) -> None:
    admin = cast.north.admin
    db.engine_jobs.update_one({"group": waiting["id"], "name": SEND_JOB}, {"$set": {"attempt": 25}})
    runtime.engine.resume()
    at_rest()
    [letter] = admin.get(LETTERS)["items"]

    do(admin, waiting, "retry_failed")
    at_rest()

    assert counted(read(admin, waiting)) == {"delivered": 3}
    assert admin.get(LETTERS)["items"] == []
    assert admin.post(f"{LETTERS}/{letter['id']}/requeue", status=409)["type"] == "/problems/already-put-back"


def test_what_is_not_yours_does_not_exist(
    cast: Cast, runtime: Runtime, waiting: Any, db: Any, at_rest: Any
) -> None:
    db.engine_jobs.update_one({"group": waiting["id"], "name": SEND_JOB}, {"$set": {"attempt": 25}})
    runtime.engine.resume()
    at_rest()
    [letter] = cast.north.admin.get(LETTERS)["items"]
    south = cast.south.admin

    for what in ("pause", "resume", "cancel", "retry_failed"):
        assert same(do(south, waiting, what, 404)) == same(do(south, {"id": "f" * 24}, what, 404))
    assert south.get(LETTERS)["items"] == []
    assert (
        south.post(f"{LETTERS}/{letter['id']}/requeue", status=404)["type"]
        == "/problems/dead-letter-not-found"
    )
    south.get(f"{JOBS}/{waiting['id']}/report.csv", status=404)


def test_a_job_begins_at_its_time_by_the_databases_clock(
    cast: Cast, db: Any, at_rest: Any, outbox: Any
) -> None:
    north = cast.north
    known = student(north, "a1")
    at_rest()
    before = len(outbox())
    start = datetime.now(UTC) + timedelta(seconds=4)

    job = send(north.admin, student_ids=[known], start_at=start.isoformat())
    at_rest()

    done = read(north.admin, job)
    assert (done["state"], len(outbox())) == ("completed", before + 1)
    assert datetime.fromisoformat(done["start_at"]) == start.replace(
        microsecond=start.microsecond // 1000 * 1000
    )
    [row] = db.deliveries.find({"job_id": job["id"]})
    assert row["created_at"] < start <= row["history"][1]["at"]


def test_a_scheduled_job_holds_its_place_and_leaves_older_links_alone_until_then(
    cast: Cast, runtime: Runtime, at_rest: Any, db: Any
) -> None:
    north = cast.north
    ids = [student(north, "a1")]
    send(north.admin, student_ids=ids)
    at_rest()
    older = cast.token_for("a1@example.com")
    start = datetime.now(UTC) + timedelta(days=30)

    job = send(north.admin, student_ids=ids, start_at=start.isoformat())
    at_rest()

    shown = read(north.admin, job)
    assert (shown["state"], counted(shown), shown["started_at"]) == ("queued", {"pending": 1}, None)
    [new] = db.one_time_links.find({"user_id": ids[0], "expires_at": {"$gt": start}})
    assert new["expires_at"] - start.replace(microsecond=0) < timedelta(hours=73)
    body = {"token": older, "new_password": "a quiet river at dawn 7"}
    assert north.admin.http.post("/auth/activate", json=body).status_code == 204
    assert do(north.admin, job, "pause")["state"] == "paused"
    assert do(north.admin, job, "resume")["state"] == "queued"
    at_rest()
    assert {
        row["run_at"] > datetime.now(UTC)
        for row in db.engine_jobs.find({"group": job["id"], "name": SEND_JOB})
    } == {True}
    assert counted(do(north.admin, job, "cancel")) == {"skipped": 1}


@pytest.mark.parametrize("ahead", [timedelta(minutes=-1), timedelta(days=91)], ids=["past", "too far"])
def test_a_start_lies_in_the_next_ninety_days(cast: Cast, ahead: timedelta) -> None:
    known, start = student(cast.north, "a1"), datetime.now(UTC) + ahead

    refused = send(cast.north.admin, 422, student_ids=[known], start_at=start.isoformat())

    assert pointers(refused) == ["/start_at"]


@pytest.mark.parametrize("start_at", ["2026-12-24T10:00:00", "tomorrow"])
def test_a_start_is_a_time_with_its_zone(cast: Cast, start_at: str) -> None:
    assert pointers(send(cast.north.admin, 422, student_ids=["s"], start_at=start_at)) == ["/start_at"]


def test_the_report_has_a_line_for_every_message_and_runs_nowhere(cast: Cast, db: Any, at_rest: Any) -> None:
    north = cast.north
    ids = [student(north, "a1"), student(north, "a2", mobile_number="9876543210")]
    job = send(north.admin, student_ids=ids, channels=["email", "sms"])
    at_rest()
    db.deliveries.update_many({"recipient_id": ids[0]}, {"$set": {"name": "=HYPERLINK(1)"}})

    reply = north.admin.http.get(f"{JOBS}/{job['id']}/report.csv")

    assert reply.content_type == "text/csv"
    assert f"report-{job['id']}.csv" in reply.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(reply.get_data().decode("utf-8-sig"))))
    assert len(rows) == 4
    assert {row["name"] for row in rows} == {"'=HYPERLINK(1)", "Student a2"}
    [skipped] = [row for row in rows if row["state"] == "skipped"]
    assert (skipped["recipient_id"], skipped["channel"]) == (ids[0], "sms")
    assert (skipped["reason"], skipped["attempts"]) == ("no mobile number", "0")
    assert all(datetime.fromisoformat(row["updated_at"]) for row in rows)
    assert "@" not in reply.get_data(as_text=True)


def test_old_jobs_keep_their_counts_and_lose_their_messages(
    cast: Cast, runtime: Runtime, waiting: Any, db: Any, at_rest: Any
) -> None:
    admin = cast.north.admin
    runtime.engine.resume()
    at_rest()
    fail(db, waiting, number=0)
    young = send(admin, student_ids=[student(cast.north, "young")])
    at_rest()
    old = datetime.now(UTC) - timedelta(days=91)
    db.batch_jobs.update_one({"_id": waiting["id"]}, {"$set": {"finished_at": old}})

    retire(runtime)

    kept = read(admin, waiting)
    assert (kept["state"], counted(kept), kept["total"]) == ("completed", {"delivered": 2, "failed": 1}, 3)
    assert kept["summarised_at"] is not None
    assert admin.get(f"{JOBS}/{waiting['id']}/recipients")["items"] == []
    assert admin.get(f"{JOBS}/{waiting['id']}/report.csv", status=410)["type"] == "/problems/report-outlived"
    assert do(admin, waiting, "retry_failed", 409)["type"] == "/problems/messages-outlived"
    for name in ("deliveries", "sub_batches"):
        assert db[name].count_documents({"job_id": waiting["id"]}) == 0
    assert read(admin, young)["summarised_at"] is None
    assert len(admin.get(f"{JOBS}/{young['id']}/recipients")["items"]) == 1


def retire(runtime: Runtime, alive: Any = lambda: True) -> Any:
    return runtime.engine._handlers[RETENTION_JOB].run(Lease("retention", 1, {}, 1, alive))


def test_retention_goes_on_where_a_run_before_has_died(
    cast: Cast, runtime: Runtime, waiting: Any, db: Any, at_rest: Any
) -> None:
    runtime.engine.resume()
    at_rest()
    old = datetime.now(UTC) - timedelta(days=91)
    db.batch_jobs.update_many({"campus_id": cast.north.id}, {"$set": {"finished_at": old}})

    retire(runtime, lambda: False)  # its lease is gone after one step
    left = read(cast.north.admin, waiting)
    retire(runtime)

    assert counted(left) == {"delivered": 3}
    assert db.batch_jobs.count_documents({"campus_id": cast.north.id, "emptied_at": None}) == 0
    assert db.sub_batches.count_documents({"campus_id": cast.north.id, "job_id": {"$gte": ""}}) == 0
    assert counted(read(cast.north.admin, waiting)) == {"delivered": 3}


def test_counts_made_while_a_job_was_emptied_do_not_overwrite_the_final_ones(
    cast: Cast, runtime: Runtime, waiting: Any, db: Any, at_rest: Any
) -> None:
    runtime.engine.resume()
    at_rest()
    db.batch_jobs.update_one(
        {"_id": waiting["id"]}, {"$set": {"finished_at": datetime.now(UTC) - timedelta(days=91)}}
    )
    retire(runtime)

    jobs = BatchJobRepository(runtime.store)
    jobs.save_counts(scope_of(cast.north.id), waiting["id"], BatchJobState.COMPLETED, {}, (0, 0))

    assert counted(read(cast.north.admin, waiting)) == {"delivered": 3}
