"""The judge is judged: it passes a clean run and catches every fault that is sown into one."""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from services.batch_jobs.sending import NOT_CALLED
from tests.faults.checker import check
from tests.faults.evidence import Evidence, JobSeen, Sent, Strike, Upload, Victim, WorkerSeen
from tests.faults.rosters import Roster, Row

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
ASHA = Row("F1/1", "Asha Rao", "9000000001", "asha@example.com")
BALA = Row("F1/2", "Bala Iyer", "", "bala@example.com")
TYPO = Row("F1/3", "Typo", "12", "", good=False)
SHOWN = {"total": 4, "percent": 100.0, "sub_batches": {"total": 2, "done": 2}}


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def delivery(number: int, recipient: str, channel: str, to: str | None, *states: str) -> dict[str, Any]:
    history = [{"state": state, "at": at(second)} for second, state in enumerate(("pending", *states))]
    return {
        "_id": f"d{number}",
        "job_id": "j1",
        "recipient_id": recipient,
        "channel": channel,
        "to": to,
        "unit": f"u{number}",
        "fence": 1,
        "attempts": 1,
        "last_error": None,
        "state": history[-1]["state"],
        "history": history,
    }


def clean() -> Evidence:
    """Two students, one of them without a mobile number, and a bad row; one worker was killed."""
    roster = Roster("roster-1.csv", (ASHA, BALA, TYPO))
    first = {"total": 3, "new": 2, "changed": 0, "same": 0, "error": 1}
    again = first | {"new": 0, "same": 2}
    counts = {"sent": 3, "skipped": 1, "failed": 0}
    job = {"id": "j1", "state": "completed", **SHOWN, "counts": counts}
    return Evidence(
        channels=("email", "sms"),
        uploads=[
            Upload(
                roster,
                {"id": "i1", "state": "applied", "counts": first, "rows_done": 2, "job_id": "j1"},
                {"id": "i2", "state": "applied", "counts": again, "rows_done": 0, "job_id": None},
            )
        ],
        students=[{"_id": "s1", "username": "f1/1"}, {"_id": "s2", "username": "f1/2"}],
        users=[{"_id": "s1"}, {"_id": "s2"}],
        identifiers=[
            {"_id": "f1/1", "user_id": "s1"},
            {"_id": "919000000001", "user_id": "s1"},
            {"_id": "f1/2", "user_id": "s2"},
        ],
        links=[{"_id": "h1", "user_id": "s1"}, {"_id": "h2", "user_id": "s2"}],
        import_rows=[
            {"import_id": "i1", "outcome": "new", "applied": True},
            {"import_id": "i1", "outcome": "new", "applied": True},
            {"import_id": "i1", "outcome": "error", "applied": False},
        ],
        deliveries=[
            delivery(1, "s1", "email", "asha@example.com", "sending", "sent"),
            delivery(2, "s2", "email", "bala@example.com", "sending", "sent"),
            delivery(3, "s1", "sms", "+919000000001", "sending", "sent"),
            delivery(4, "s2", "sms", None) | {"state": "skipped"},
        ],
        jobs=[JobSeen(job, deepcopy(job), {"sent": 3, "skipped": 1})],
        sent=[
            Sent("d1", "email", "asha@example.com"),
            Sent("d2", "email", "bala@example.com"),
            Sent("d3", "sms", "+919000000001"),
        ],
        unfinished=[],
        leftovers=[],
        workers=[WorkerSeen(7, 200, [{"name": "loop:claim-messages", "ok": True}])],
        strikes=[Strike(Victim.WORKER, 8, at(1.5), at(1.5))],
        repeat_seconds={"email": 540.0, "sms": 0.0},
    )


def unknown(evidence: Evidence, number: int) -> None:
    """Let a delivery and its job end as unknown, though nothing of it left."""
    row = evidence.deliveries[number]
    row["state"] = row["history"][-1]["state"] = "unknown"  # type: ignore[index]
    evidence.sent = [sent for sent in evidence.sent if sent.delivery_id != row["_id"]]
    counts = {"sent": 2, "unknown": 1, "skipped": 1}
    for seen in (evidence.jobs[0].shown, evidence.jobs[0].listed):
        seen["counts"] = counts  # type: ignore[index]
    evidence.jobs[0] = JobSeen(evidence.jobs[0].shown, evidence.jobs[0].listed, counts)


def test_a_clean_run_passes() -> None:
    assert check(clean()) == []


def test_unknown_is_fine_where_the_caller_was_killed() -> None:
    evidence = clean()
    unknown(evidence, 2)

    assert check(evidence) == []


def test_unknown_is_fine_where_the_provider_was_ambiguous() -> None:
    evidence = clean()
    unknown(evidence, 2)
    evidence.strikes, evidence.ambiguous = [], {"d3": "close_after"}

    assert check(evidence) == []


def test_failed_is_true_where_the_caller_stood_still_before_its_call() -> None:
    evidence = clean()
    unknown(evidence, 2)
    evidence.deliveries[2].update({"state": "failed", "last_error": NOT_CALLED})  # type: ignore[attr-defined]
    counts = {"sent": 2, "failed": 1, "skipped": 1}
    shown = evidence.jobs[0].shown | {"counts": counts}  # type: ignore[operator]
    evidence.jobs[0] = JobSeen(shown, shown, counts)

    assert check(evidence) == []

    evidence.strikes = []
    assert [complaint.rule for complaint in check(evidence)] == ["every_state_is_final_and_true"]


def test_a_refused_address_may_fail() -> None:
    evidence = clean()
    evidence.refused = frozenset({"bala@example.com"})
    evidence.deliveries[1]["state"] = "failed"  # type: ignore[index]
    evidence.sent.pop(1)
    counts = {"sent": 2, "failed": 1, "skipped": 1}
    shown = evidence.jobs[0].shown | {"counts": counts}  # type: ignore[operator]
    evidence.jobs[0] = JobSeen(shown, shown, counts)

    assert check(evidence) == []


def cancelled(evidence: Evidence) -> None:
    """Let the job be cancelled before the last message left."""
    evidence.deliveries[2] |= {"state": "skipped", "last_error": "cancelled"}  # type: ignore[operator]
    evidence.sent.pop(2)
    counts = {"sent": 2, "skipped": 2}
    shown = evidence.jobs[0].shown | {"state": "cancelled", "counts": counts}  # type: ignore[operator]
    evidence.jobs[0] = JobSeen(shown, shown, counts)
    dropped = {"_id": "x", "name": "send", "state": "cancelled", "group": "j1", "attempt": 0, "error": None}
    evidence.unfinished = [dropped]


def test_a_job_that_somebody_cancelled_skips_what_had_not_left() -> None:
    evidence = clean()
    cancelled(evidence)
    evidence.cancelled = frozenset({"j1"})

    assert check(evidence) == []


def _row(collection: str, number: int, **fields: Any) -> Callable[[Evidence], None]:
    return lambda evidence: getattr(evidence, collection)[number].update(fields)


def _without(collection: str, number: int) -> Callable[[Evidence], None]:
    def change(evidence: Evidence) -> None:
        del getattr(evidence, collection)[number]

    return change


def _twice(collection: str, number: int) -> Callable[[Evidence], None]:
    def change(evidence: Evidence) -> None:
        getattr(evidence, collection).append(getattr(evidence, collection)[number])

    return change


def _unknown_that_nobody_interrupted(evidence: Evidence) -> None:
    unknown(evidence, 2)
    evidence.strikes = []


def _unknown_while_only_the_database_was_down(evidence: Evidence) -> None:
    unknown(evidence, 2)
    evidence.strikes = [Strike(Victim.MONGOD, 8, at(1.5), at(1.5))]


def _unknown_email_that_could_have_been_repeated(evidence: Evidence) -> None:
    unknown(evidence, 1)


def _unknown_without_a_call(evidence: Evidence) -> None:
    unknown(evidence, 2)
    evidence.deliveries[2]["history"][1]["state"] = "pending"


def _a_good_address_failed(evidence: Evidence) -> None:
    evidence.deliveries[0]["state"] = "failed"  # type: ignore[index]
    del evidence.sent[0]


def _sent_elsewhere(evidence: Evidence) -> None:
    evidence.sent[2] = Sent("d3", "sms", "+919999999999")


def _message_of_nobody(evidence: Evidence) -> None:
    evidence.sent.append(Sent("d99", "email", "stranger@example.com"))


def _kept_counts_are_old(evidence: Evidence) -> None:
    evidence.jobs[0].listed["counts"] = {"sent": 2, "pending": 1, "skipped": 1}  # type: ignore[index]


def _a_recipient_is_not_listed(evidence: Evidence) -> None:
    evidence.jobs[0] = JobSeen(evidence.jobs[0].shown, evidence.jobs[0].listed, {"sent": 3})


def _import(which: str, **fields: Any) -> Callable[[Evidence], None]:
    return lambda evidence: getattr(evidence.uploads[0], which).update(fields)


def _worker(status: int, ok: bool) -> Callable[[Evidence], None]:
    def change(evidence: Evidence) -> None:
        evidence.workers = [WorkerSeen(7, status, [{"name": "loop:renew-leases", "ok": ok}])]

    return change


def _no_worker(evidence: Evidence) -> None:
    evidence.workers = []


def _unfinished(evidence: Evidence) -> None:
    evidence.unfinished = [{"_id": "x", "name": "send", "state": "discarded", "attempt": 26, "error": "?"}]


def _kept_upload(evidence: Evidence) -> None:
    evidence.leftovers = ["the file of import i1"]


def _job_nobody_lists(evidence: Evidence) -> None:
    evidence.jobs = []


def _a_callback_was_ignored(evidence: Evidence) -> None:
    evidence.told = {"d1": "bounced"}


FAULTS: Final[dict[str, tuple[Callable[[Evidence], None], str]]] = {
    "a message left twice": (_twice("sent", 0), "no_message_left_twice"),
    "a message of no delivery": (_message_of_nobody, "no_message_left_twice"),
    "a message went to another number": (_sent_elsewhere, "no_message_left_twice"),
    "a message is missing": (_without("sent", 2), "every_state_is_final_and_true"),
    "a failed message left": (_row("deliveries", 0, state="failed"), "every_state_is_final_and_true"),
    "a message is still pending": (_row("deliveries", 0, state="pending"), "every_state_is_final_and_true"),
    "a good address failed": (_a_good_address_failed, "every_state_is_final_and_true"),
    "a delivery is missing": (_without("deliveries", 2), "every_recipient_has_one_delivery_a_channel"),
    "a delivery stands twice": (_twice("deliveries", 2), "every_recipient_has_one_delivery_a_channel"),
    "an address is another": (
        _row("deliveries", 0, to="x@example.com"),
        "every_recipient_has_one_delivery_a_channel",
    ),
    "a student is missing": (_without("students", 0), "every_row_made_one_student"),
    "a student stands twice": (_twice("students", 0), "every_row_made_one_student"),
    "a student of no row": (_row("students", 0, username="f9/9"), "every_row_made_one_student"),
    "an account is missing": (_without("users", 0), "every_row_made_one_student"),
    "an identifier is missing": (_without("identifiers", 1), "every_row_made_one_student"),
    "a second link": (_twice("links", 0), "every_row_made_one_student"),
    "a count of an import is wrong": (
        _import("first", counts={"total": 3, "new": 3, "changed": 0, "same": 0, "error": 0}),
        "every_import_is_applied_with_true_counts",
    ),
    "an import hangs": (_import("first", state="applying"), "every_import_is_applied_with_true_counts"),
    "an applied row became an error": (
        _row("import_rows", 0, outcome="error"),
        "every_import_is_applied_with_true_counts",
    ),
    "rows done are too many": (_import("first", rows_done=4), "every_import_is_applied_with_true_counts"),
    "an unknown that nobody interrupted": (
        _unknown_that_nobody_interrupted,
        "unknown_stands_only_where_an_answer_was_lost",
    ),
    "an unknown while only the database was down": (
        _unknown_while_only_the_database_was_down,
        "unknown_stands_only_where_an_answer_was_lost",
    ),
    "an unknown email that could be repeated": (
        _unknown_email_that_could_have_been_repeated,
        "unknown_stands_only_where_an_answer_was_lost",
    ),
    "an unknown without a call": (_unknown_without_a_call, "unknown_stands_only_where_an_answer_was_lost"),
    "a job was cancelled by nobody": (cancelled, "every_job_is_complete_and_counts_right"),
    "a message was skipped for nothing": (cancelled, "every_state_is_final_and_true"),
    "work was dropped for nothing": (cancelled, "no_background_work_is_left"),
    "a callback was ignored": (_a_callback_was_ignored, "what_the_provider_tells_stands"),
    "kept counts are old": (_kept_counts_are_old, "every_job_is_complete_and_counts_right"),
    "a recipient is not listed": (_a_recipient_is_not_listed, "every_job_is_complete_and_counts_right"),
    "a job is in no list": (_job_nobody_lists, "every_job_is_complete_and_counts_right"),
    "the same file made somebody new": (
        _import("again", counts={"total": 3, "new": 1, "changed": 0, "same": 1, "error": 1}),
        "the_same_files_again_change_nothing",
    ),
    "the same file sent messages": (_import("again", job_id="j9"), "the_same_files_again_change_nothing"),
    "a loop is late": (_worker(200, False), "every_loop_of_every_worker_is_alive"),
    "a worker is not ready": (_worker(503, True), "every_loop_of_every_worker_is_alive"),
    "no worker answers": (_no_worker, "every_loop_of_every_worker_is_alive"),
    "an upload was kept": (_kept_upload, "no_reading_leaves_anything"),
    "work was given up": (_unfinished, "no_background_work_is_left"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_sown_fault_is_caught(fault: str) -> None:
    evidence = deepcopy(clean())
    sow, rule = FAULTS[fault]
    sow(evidence)

    complaints = check(evidence)

    assert rule in {complaint.rule for complaint in complaints}
    print(*complaints, sep="\n")


def test_a_complaint_tells_the_whole_story_of_the_delivery() -> None:
    evidence = clean()
    evidence.sent.append(evidence.sent[2])

    (complaint,) = check(evidence)

    assert "2 effects" in complaint.text
    assert "+0.000 pending; +1.000 sending; +1.500 [worker 8 killed]; +2.000 sent" in complaint.text
