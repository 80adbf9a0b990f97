"""Students through the front door: made, unless somebody has the number already."""

from functools import partial
from typing import Any

import pytest

from config.constants import TAKEN_ELSEWHERE_PER_HOUR
from tests.cast import Cast
from tests.clients import device, pointers, same, together
from tests.services.students.roll import wish

STUDENTS = "/student_management/students"
BATCHES = "/batch_management/batches"
NOBODY = "f" * 24


# --- made ---


def test_a_new_student_has_an_account_that_nobody_can_enter_yet(cast: Cast, db: Any) -> None:
    admin, north = cast.north.admin, cast.north

    made = admin.post(
        STUDENTS,
        wish(north, " 21/CS/001 ", name="Asha  Rao", email="Asha@Example.com", mobile_number="98765 43210"),
    )

    assert (made["name"], made["roll_number"], made["username"]) == ("Asha Rao", "21/CS/001", "21/cs/001")
    assert (made["email"], made["mobile_number"]) == ("asha@example.com", "+919876543210")
    assert (made["campus_id"], made["batch_id"]) == (north.id, north.batch_id)
    assert (made["course_ids"], made["status"], made["revision"]) == ([north.course_ids[0]], "active", 1)
    assert made["account"] == {"activated": False, "first_login_at": None, "last_login_at": None}
    assert made["delivery"] == {"email": None, "sms": None}
    assert admin.get(f"{STUDENTS}/{made['id']}") == made
    instance = db.batch_course_instances.find_one(
        {"batch_id": north.batch_id, "course_id": north.course_ids[0]}
    )
    assert db.students.find_one({"_id": made["id"]})["instance_ids"] == [instance["_id"]]
    assert db.users.find_one({"_id": made["id"]})["role"] == "student"


def test_what_is_shown_and_written_down_holds_no_secret(cast: Cast, db: Any) -> None:
    made = cast.north.admin.post(STUDENTS, wish(cast.north, email="asha@example.com"))

    assert not {"password_hash", "token", "nonce", "terms", "name_key", "import_id"} & set(made)
    [row] = db.audit.find({"action": "student.created", "campus_id": cast.north.id})
    assert (row["actor_id"], row["target"]) == (cast.north.admin.id, f"student:{made['id']}")
    assert "example.com" not in str(row)


def test_a_student_is_made_once_per_key(cast: Cast, db: Any) -> None:
    admin, headers = cast.north.admin, {"Idempotency-Key": "asha"}

    first, again = (admin.post(STUDENTS, wish(cast.north), headers=headers) for _ in range(2))

    assert first == again
    assert db.students.count_documents({"username": "21cs001"}) == 1


def test_families_share_an_email_address(cast: Cast) -> None:
    for roll_number in ("21CS001", "21CS002"):
        cast.north.admin.post(STUDENTS, wish(cast.north, roll_number, email="family@example.com"))


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "=cmd()"}, "/name"),
        ({"roll_number": "21 CS 001"}, "/roll_number"),
        ({"roll_number": "x" * 65}, "/roll_number"),
        ({"email": "nobody"}, "/email"),
        ({"mobile_number": "12345"}, "/mobile_number"),
        ({"course_ids": []}, "/course_ids"),
        ({"course_ids": "c1"}, "/course_ids"),
        ({"batch_id": {"$ne": None}}, "/batch_id"),
        ({"role": "superadmin"}, "/role"),
        ({"status": "active"}, "/status"),
        ({"campus_id": "c"}, "/campus_id"),
        ({"name": None}, "/name"),
    ],
)
def test_a_wrong_field_is_named(cast: Cast, change: dict[str, Any], pointer: str) -> None:
    problem = cast.north.admin.post(STUDENTS, wish(cast.north) | change, status=422)

    assert pointers(problem)[0].startswith(pointer)


def test_foreign_missing_and_malformed_places_are_the_same(cast: Cast) -> None:
    north, south, admin = cast.north, cast.south, cast.north.admin

    batches = [
        admin.post(STUDENTS, wish(north) | {"batch_id": batch_id}, status=422)
        for batch_id in (south.batch_id, NOBODY, "no id at all")
    ]
    courses = [
        admin.post(STUDENTS, wish(north) | {"course_ids": [north.course_ids[0], course_id]}, status=422)
        for course_id in (south.course_ids[0], NOBODY, "no id at all")
    ]

    assert same(batches[0]) == same(batches[1]) == same(batches[2])
    assert same(courses[0]) == same(courses[1]) == same(courses[2])
    assert (pointers(batches[0]), pointers(courses[0])) == (["/batch_id"], ["/course_ids"])


def test_a_course_of_the_campus_that_the_batch_does_not_take_is_refused(cast: Cast) -> None:
    north, admin = cast.north, cast.north.admin
    law = admin.post("/course_management/courses", {"campus_id": north.id, "name": "Law", "code": "LAW"})[
        "id"
    ]

    problem = admin.post(STUDENTS, wish(north, course_ids=[law]), status=422)

    assert pointers(problem) == ["/course_ids"]


# --- in use already ---


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "again"}])
def test_a_roll_number_of_the_own_campus_is_in_use_and_that_is_no_secret(
    cast: Cast, db: Any, headers: dict[str, str]
) -> None:
    admin = cast.north.admin
    admin.post(STUDENTS, wish(cast.north, "21CS001"))

    problem = admin.post(STUDENTS, wish(cast.north, "21cs001"), status=409, headers=headers)

    assert problem["type"] == "/problems/already-in-use"
    assert pointers(problem) == ["/roll_number"]
    assert db.audit.count_documents({"action": "student.taken_elsewhere"}) == 0


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "again"}])
def test_that_another_campus_has_a_number_is_told_without_its_owner_and_audited(
    cast: Cast, db: Any, headers: dict[str, str]
) -> None:
    owner = cast.south.admin.post(
        STUDENTS, wish(cast.south, "21CS001", name="Owner", mobile_number="9876543210")
    )
    mine = cast.north.admin.post(STUDENTS, wish(cast.north, "mine", mobile_number="9876543211"))
    near, far = wish(cast.north, "mine"), wish(cast.north, "21CS001")

    own = cast.north.admin.post(STUDENTS, near, status=409)
    other = cast.north.admin.post(STUDENTS, far, status=409, headers=headers)
    by_mobile = cast.north.admin.post(
        STUDENTS,
        wish(cast.north, "free", mobile_number="+91 98765 43210"),
        status=409,
        headers=headers and {"Idempotency-Key": "m"},
    )
    changed = cast.north.admin.patch(f"{STUDENTS}/{mine['id']}", {"mobile_number": "9876543210"}, status=409)

    assert same(own) == same(other)
    assert pointers(by_mobile) == pointers(changed) == ["/mobile_number"]
    assert owner["id"] not in str([other, by_mobile, changed])
    rows = list(db.audit.find({"action": "student.taken_elsewhere", "campus_id": cast.north.id}))
    assert [(row["actor_id"], row["detail"]) for row in rows] == [(cast.north.admin.id, {"rows": 1})] * 3
    assert db.students.count_documents({"campus_id": cast.north.id}) == 1


def test_nobody_may_ask_more_often_than_a_campus_may_be_told_within_the_hour(cast: Cast, db: Any) -> None:
    cast.south.admin.post(STUDENTS, wish(cast.south, "21CS001"))
    north, far = cast.north, wish(cast.north, "21CS001")
    north.admin.post(STUDENTS, far, status=409)
    db.taken_elsewhere.update_one({}, {"$set": {"rows": TAKEN_ELSEWHERE_PER_HOUR}}, hint="_id_")

    reply = north.admin.http.post(STUDENTS, json=far)

    assert (reply.status_code, reply.get_json()["type"]) == (429, "/problems/too-many-taken")
    assert 0 < int(reply.headers["Retry-After"]) <= 3600
    assert north.admin.post(STUDENTS, wish(north, "free"), status=429)["type"] == "/problems/too-many-taken"
    cast.south.admin.post(STUDENTS, wish(cast.south, "free"))
    assert db.audit.count_documents({"action": "student.taken_elsewhere"}) == 1


def test_a_roll_number_that_is_somebodys_mobile_is_in_use(cast: Cast) -> None:
    cast.north.admin.post(STUDENTS, wish(cast.north, "first", mobile_number="9876543210"))

    problem = cast.north.admin.post(STUDENTS, wish(cast.north, "98765-43210"), status=409)

    assert pointers(problem) == ["/roll_number"]


def test_of_many_who_want_a_roll_number_at_once_one_gets_it(cast: Cast, db: Any) -> None:
    wanted, devices = wish(cast.north), [device(cast.north.admin) for _ in range(8)]

    replies = together(*(partial(each.post, STUDENTS, json=wanted) for each in devices))

    assert sorted(replies) == [201] + [409] * 7
    assert db.students.count_documents({"username": "21cs001"}) == 1
    assert db.users.count_documents({"username": "21cs001"}) == 1
