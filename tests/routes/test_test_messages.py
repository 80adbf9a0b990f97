"""Students are told of a test and reminded of it, as long as there is something to tell."""

from typing import Any

from main import ROOT, Runtime
from services.accounts.repository import UserRepository
from services.accounts.rights import Rights
from services.assessments.messages import ExamComposer
from services.assessments.repository import AssessmentRepository
from services.attempts.sittings_repository import SittingsRepository
from services.batch_jobs.documents import Delivery, JobType
from services.notifications.rendering import Renderer
from services.ports import Lease
from tests.cast import Cast
from tests.exams import TESTS, exam, plan, window

ALL = {"channels": ["email", "sms", "inbox"]}
INBOX = {"channels": ["inbox"]}


def titles(person: Any) -> list[str]:
    return [note["title"] for note in person.get("/notifications")["items"]]


def test_an_audience_is_told_over_every_channel_with_times_of_its_campus(
    cast: Cast, at_rest: Any, outbox: Any
) -> None:
    north = cast.north
    student = cast.student(north, "N-1", mobile_number="+919812300001")
    cast.student(north, "N-2", course_ids=[north.course_ids[1]])
    day: dict[str, Any] = {"window_start_at": "2030-01-31T20:00:00Z", "window_end_at": "2030-01-31T22:30:00Z"}
    test = exam(north, name="Winter exam", course_ids=[north.course_ids[0]], **day)

    job = north.admin.post(f"{TESTS}/{test['id']}/notify", ALL, status=202)
    at_rest()

    done = north.admin.get(f"/batch_processing/jobs/{job['id']}")
    assert (done["type"], done["state"], done["counts"]["delivered"]) == ("test_notification", "completed", 3)
    when = "from 1 February 2030, 01:30 to 1 February 2030, 04:00 (Asia/Kolkata)"
    [mail] = [one for one in outbox() if one["subject"].endswith("Winter exam")]
    [sms] = [one for one in outbox() if one["channel"] == "sms"]
    assert mail["to"] == "n-1@example.com"
    assert all(when in text for text in (mail["text"], mail["html"], sms["text"]))
    assert "Winter exam" in titles(student)


def test_only_those_who_have_not_begun_are_reminded(cast: Cast, at_rest: Any, db: Any) -> None:
    north = cast.north
    begun, other = cast.student(north, "N-1"), cast.student(north, "N-2")
    test = exam(north)
    begun.post(f"/student/tests/{test['id']}/attempts")

    job = north.admin.post(f"{TESTS}/{test['id']}/remind", INBOX, status=202)
    at_rest()

    assert [row["recipient_id"] for row in db.deliveries.find({"job_id": job["id"]})] == [other.id]
    assert titles(other)[0] == "Reminder of Spring exam"
    assert db.audit.count_documents({"action": "test.reminded", "target": f"test:{test['id']}"}) == 1


def test_what_a_message_has_not_to_say_any_more_is_found_before_it_leaves(
    cast: Cast, at_rest: Any, runtime: Runtime, db: Any
) -> None:
    north = cast.north
    quick, slow = cast.student(north, "N-1"), cast.student(north, "N-2")
    test = exam(north)
    job = north.admin.post(f"{TESTS}/{test['id']}/remind", INBOX, status=202)
    at_rest()
    sent = {
        row["recipient_id"]: Delivery.from_mongo(row) for row in db.deliveries.find({"job_id": job["id"]})
    }
    tests, sittings = AssessmentRepository(runtime.store), SittingsRepository(runtime.store)
    renderer = Renderer(ROOT / "templates", "Academy")
    reminders, notices = (
        ExamComposer(renderer, tests, sittings, only_not_begun=only) for only in (True, False)
    )
    quick.post(f"/student/tests/{test['id']}/attempts")

    begun = reminders.renew(list(sent.values()))
    told = notices.renew(list(sent.values()))
    north.admin.post(f"{TESTS}/{test['id']}/cancel", status=200)
    over = notices.renew(list(sent.values()))

    assert begun == {sent[quick.id].id: "the test has been begun"} and told == {}
    assert over == {sent[one.id].id: "the test cannot be taken any more" for one in (quick, slow)}


def test_what_cannot_be_told_is_refused(cast: Cast) -> None:
    north = cast.north
    draft = north.admin.post(TESTS, plan(north, []))
    empty = exam(north)
    over = exam(north, ["essay"])
    north.admin.patch(f"{TESTS}/{over['id']}", {"window_end_at": window(-1)["window_end_at"]})
    for test, problem in (
        (draft, "assessment-not-current"),
        (over, "assessment-not-current"),
        (empty, "nobody-to-tell"),
    ):
        told = north.admin.post(f"{TESTS}/{test['id']}/remind", INBOX, status=409)
        assert told["type"] == f"/problems/{problem}"
    wrong: tuple[dict[str, Any], ...] = (
        {"channels": []},
        {"channels": ["pigeon"]},
        {**INBOX, "confirm_recipients": 0},
        {**INBOX, "text": "Hi"},
    )
    for body in wrong:
        north.admin.post(f"{TESTS}/{empty['id']}/notify", body, status=422)


def test_only_whoever_may_notify_still_sends(cast: Cast, runtime: Runtime) -> None:
    north = cast.north
    sender, path = cast.admin("sender", "campus_admin", north.id), "/access_control/admins/{}/permissions"
    rights = Rights(UserRepository(runtime.store))
    test = exam(north)

    before = rights.may_send(sender.id, JobType.TEST_REMINDER, north.id, ())
    cast.superadmin.put(path.format(sender.id), {"permissions": ["test_management:test:read"]})

    assert before and not rights.may_send(sender.id, JobType.TEST_REMINDER, north.id, ())
    sender.post(f"{TESTS}/{test['id']}/remind", INBOX, status=403)


def test_a_job_that_is_filled_twice_writes_to_nobody_twice(
    cast: Cast, at_rest: Any, runtime: Runtime, db: Any
) -> None:
    north = cast.north
    for number in range(3):
        cast.student(north, f"N-{number}")
    test = exam(north)
    job = north.admin.post(f"{TESTS}/{test['id']}/notify", INBOX, status=202)
    at_rest()
    args = {"job_id": job["id"], "campus_id": north.id, "test_id": test["id"], "within": None}

    for _ in range(2):
        runtime.services.exam_messages.fill(Lease("again", 1, args, 1, lambda: True))
    at_rest()

    assert db.deliveries.count_documents({"job_id": job["id"]}) == 3
    assert north.admin.get(f"/batch_processing/jobs/{job['id']}")["state"] == "completed"
