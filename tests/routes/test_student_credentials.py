"""Sending students their links: to some, to a batch, to those whom no message reached; each once."""

from typing import Any

import pytest

from main import Runtime
from services.ports import Lease
from services.students.credentials import FILL_JOB
from tests.cast import PASSWORD, Campus, Cast, Person
from tests.clients import pointers, same
from tests.services.students.roll import enrol
from tests.waiting import pause

STUDENTS = "/student_management/students"
SEND = f"{STUDENTS}/send_credentials"
JOBS = "/batch_processing/jobs"


def student(campus: Campus, roll_number: str, person: Person | None = None, **more: Any) -> str:
    """Make a student with an email address."""
    wanted = {
        "name": f"Student {roll_number}",
        "roll_number": roll_number,
        "batch_id": campus.batch_id,
        "course_ids": [campus.course_ids[0]],
        "email": f"{roll_number}@example.com",
        **more,
    }
    return str((person or campus.admin).post(STUDENTS, wanted)["id"])


def send(person: Person, status: int = 202, **wanted: Any) -> Any:
    return person.post(SEND, {"channels": ["email"], **wanted}, status=status)


def to(messages: list[dict[str, Any]]) -> list[str]:
    return sorted(message["to"] for message in messages)


def test_a_message_goes_to_each_channel_and_the_job_is_watched_to_its_end(
    cast: Cast, outbox: Any, at_rest: Any
) -> None:
    north, admin = cast.north, cast.north.admin
    at_rest()
    before = len(outbox())
    ids = [student(north, "a1", mobile_number="9876543210"), student(north, "a2")]

    job = send(admin, student_ids=ids, channels=["email", "sms"])
    at_rest()

    done = admin.get(f"{JOBS}/{job['id']}")
    assert (job["type"], done["state"], done["total"]) == ("credentials", "completed", 4)
    assert (done["counts"]["delivered"], done["counts"]["skipped"]) == (3, 1)
    assert to(outbox()[before:]) == ["+919876543210", "a1@example.com", "a2@example.com"]
    assert admin.get(f"{STUDENTS}/{ids[1]}")["delivery"] == {"email": "delivered", "sms": "skipped"}


def test_a_batch_is_told_but_for_those_who_are_deactivated(
    cast: Cast, outbox: Any, at_rest: Any, db: Any
) -> None:
    north = cast.north
    student(north, "a1")
    out = student(north, "a2")
    north.admin.patch(f"{STUDENTS}/{out}", {"status": "deactivated"})
    at_rest()
    before = len(outbox())

    job = send(north.admin, batch_id=north.batch_id)
    at_rest()

    assert to(outbox()[before:]) == ["a1@example.com"]
    [row] = db.audit.find({"action": "student.credentials_sent", "campus_id": north.id})
    assert (row["actor_id"], row["target"]) == (north.admin.id, f"batch_job:{job['id']}")


def test_whoever_has_a_password_chooses_a_new_one_by_the_link(cast: Cast, at_rest: Any) -> None:
    known = cast.student(cast.north, "a1")

    send(cast.north.admin, student_ids=[known.id])
    at_rest()
    token = cast.token_for("a1@example.com")
    body = {"token": token, "new_password": f"{PASSWORD} again"}

    assert known.http.post("/auth/activate", json=body).status_code == 204
    known.get("/auth/me", status=401)


def test_only_those_whom_no_message_reached_are_told_again(
    cast: Cast, outbox: Any, at_rest: Any, db: Any
) -> None:
    north = cast.north
    ids = {
        name: student(north, name, mobile_number=f"987654321{n}")
        for n, name in enumerate(("got", "lost", "half"))
    }
    student(north, "never")
    send(north.admin, student_ids=list(ids.values()), channels=["email", "sms"])
    at_rest()
    for name, channels in (("lost", ["email", "sms"]), ("half", ["email"])):
        lost = {"recipient_id": ids[name], "channel": {"$in": channels}}
        db.deliveries.update_many(lost, {"$set": {"state": "failed"}})
    before = len(outbox())

    job = send(north.admin, batch_id=north.batch_id, channels=["email", "sms"], only_failed=True)
    at_rest()
    by_email = send(north.admin, batch_id=north.batch_id, only_failed=True)
    at_rest()

    assert to(outbox()[before:]) == ["+919876543211", "half@example.com", "lost@example.com"]
    assert [north.admin.get(f"{JOBS}/{each['id']}")["total"] for each in (job, by_email)] == [2, 1]


def test_foreign_missing_and_malformed_students_are_the_same(cast: Cast) -> None:
    north, mine = cast.north, student(cast.north, "a1")
    foreign = student(cast.south, "b1")

    problems = [send(north.admin, 422, student_ids=[mine, each]) for each in (foreign, "f" * 24, "no id")]
    batches = [send(north.admin, 422, batch_id=each) for each in (cast.south.batch_id, "f" * 24, "no id")]

    assert same(problems[0]) == same(problems[1]) == same(problems[2])
    assert same(batches[0]) == same(batches[1]) == same(batches[2])
    assert (pointers(problems[0]), pointers(batches[0])) == (["/student_ids"], ["/batch_id"])


def test_one_job_is_about_one_campus(cast: Cast) -> None:
    both = [student(cast.north, "a1"), student(cast.south, "b1")]

    assert pointers(send(cast.superadmin, 422, student_ids=both)) == ["/student_ids"]


def test_a_batch_without_anybody_to_tell_is_said_to_be_empty(cast: Cast) -> None:
    assert send(cast.north.admin, 409, batch_id=cast.north.batch_id)["type"] == "/problems/batch-is-empty"


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"batch_id": "b", "student_ids": ["s"]},
        {"student_ids": []},
        {"batch_id": "b", "channels": ["pigeon"]},
        {"batch_id": "b", "confirm_recipients": 0},
    ],
)
def test_a_request_names_students_or_a_batch_and_channels_that_exist(
    cast: Cast, wanted: dict[str, Any]
) -> None:
    send(cast.north.admin, 422, **wanted)


def test_an_admin_of_one_course_tells_only_its_students_and_sees_the_job(
    cast: Cast, outbox: Any, at_rest: Any
) -> None:
    north, (first, second) = cast.north, cast.north.course_ids
    student(north, "mine", course_ids=[first, second])
    student(north, "other", course_ids=[second])
    person = cast.admin("one", "course_admin", north.id, course_ids=[first])
    at_rest()
    before = len(outbox())

    job = send(person, batch_id=north.batch_id)
    at_rest()

    assert to(outbox()[before:]) == ["mine@example.com"]
    assert person.get(f"{JOBS}/{job['id']}")["total"] == 1


def test_messages_of_whoever_lost_a_course_meanwhile_stay_here(
    cast: Cast, runtime: Runtime, outbox: Any, at_rest: Any
) -> None:
    north, (first, second) = cast.north, cast.north.course_ids
    known = student(north, "mine", course_ids=[first])
    person = cast.admin("one", "course_admin", north.id, course_ids=[first])
    at_rest()
    before = len(outbox())
    pause(runtime)
    job = send(person, student_ids=[known])
    north.admin.patch(f"/admin_management/admins/{person.id}", {"course_ids": [second]})

    runtime.engine.resume()
    at_rest()

    assert len(outbox()) == before
    [shown] = north.admin.get(f"{JOBS}/{job['id']}/recipients")["items"]
    assert (shown["state"], shown["last_error"]) == (
        "failed",
        "whoever started this may no longer send messages",
    )


def test_a_job_that_is_filled_twice_has_everybody_once(
    cast: Cast, runtime: Runtime, db: Any, at_rest: Any
) -> None:
    north = cast.north
    active = [each for each in enrol(db, north, "n", 620) if each.status == "active"]

    job = send(north.admin, batch_id=north.batch_id, channels=["sms"], confirm_recipients=558)
    at_rest()
    [stored] = db.engine_jobs.find({"_id": f"fill:{job['id']}"})
    assert stored["name"] == FILL_JOB
    runtime.services.student_credentials.fill(Lease(stored["_id"], 99, stored["args"], 2, lambda: True))
    at_rest()

    done = north.admin.get(f"{JOBS}/{job['id']}")
    assert (done["state"], done["total"]) == ("completed", len(active))
    assert db.deliveries.count_documents({"job_id": job["id"]}) == len(active)
    assert db.one_time_links.count_documents(
        {"user_id": {"$gte": ""}, "ended_at": None, "campus_id": north.id}
    ) >= len(active)


@pytest.mark.parametrize("confirmed", [{}, {"confirm_recipients": 500}, {"confirm_recipients": 559}])
def test_more_than_five_hundred_people_have_to_be_confirmed(
    cast: Cast, db: Any, confirmed: dict[str, int]
) -> None:
    north = cast.north
    enrol(db, north, "n", 620)

    problem = send(north.admin, 409, batch_id=north.batch_id, **confirmed)

    assert problem["type"] == "/problems/recipients-not-confirmed"
    assert problem["recipients"] == 558
    assert db.audit.count_documents({"action": "student.credentials_sent", "campus_id": north.id}) == 0


def test_a_fill_that_stops_goes_on_where_it_was(cast: Cast, runtime: Runtime, db: Any, at_rest: Any) -> None:
    north = cast.north
    enrol(db, north, "n", 620)
    alive = iter([True, False])

    job = send(north.admin, batch_id=north.batch_id, channels=["sms"], confirm_recipients=558)
    at_rest()
    [stored] = db.engine_jobs.find({"_id": f"fill:{job['id']}"})
    db.deliveries.delete_many({"job_id": job["id"]})
    runtime.services.student_credentials.fill(
        Lease(stored["_id"], 99, stored["args"], 2, lambda: next(alive))
    )
    assert db.deliveries.count_documents({"job_id": job["id"]}) == 500
    runtime.services.student_credentials.fill(Lease(stored["_id"], 100, stored["args"], 3, lambda: True))
    at_rest()

    assert db.deliveries.count_documents({"job_id": job["id"]}) == 558
