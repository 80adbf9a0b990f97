"""Students through the front door: changed and removed by those who may."""

from functools import partial
from typing import Any

from tests.cast import PASSWORD, Cast
from tests.clients import device, pointers, together
from tests.services.students.roll import course_admin, wish

STUDENTS = "/student_management/students"
BATCHES = "/batch_management/batches"
NOBODY = "f" * 24


# --- changed ---


def test_a_changed_student_is_found_under_the_new_name_and_number(cast: Cast, db: Any) -> None:
    admin = cast.north.admin
    made = admin.post(STUDENTS, wish(cast.north, mobile_number="9876543210"))

    changed = admin.patch(f"{STUDENTS}/{made['id']}", {"name": "Bala Iyer", "mobile_number": "9123456789"})

    assert (changed["name"], changed["mobile_number"]) == ("Bala Iyer", "+919123456789")
    assert (changed["revision"], changed["roll_number"]) == (2, "21CS001")
    for text, ids in (("bala", [made["id"]]), ("asha", []), ("98765", []), ("91234", [made["id"]])):
        assert [row["id"] for row in admin.get(STUDENTS, query_string={"search": text})["items"]] == ids
    user = db.users.find_one({"_id": made["id"]})
    assert (user["name"], user["mobile_number"]) == ("Bala Iyer", "+919123456789")
    admin.post(STUDENTS, wish(cast.north, "21CS002", mobile_number="9876543210"))
    [row] = db.audit.find({"action": "student.changed", "campus_id": cast.north.id})
    assert (row["target"], row["detail"]["fields"]) == (f"student:{made['id']}", ["mobile_number", "name"])


def test_null_empties_an_address_and_nothing_else(cast: Cast, db: Any) -> None:
    admin = cast.north.admin
    made = admin.post(STUDENTS, wish(cast.north, email="a@example.com", mobile_number="9876543210"))
    path = f"{STUDENTS}/{made['id']}"

    changed = admin.patch(path, {"email": None, "mobile_number": None})

    assert (changed["email"], changed["mobile_number"], changed["name"]) == (None, None, "Asha Rao")
    assert db.login_identifiers.count_documents({"user_id": made["id"]}) == 1
    assert pointers(admin.patch(path, {"name": None}, status=422)) == ["/name"]
    assert pointers(admin.patch(path, {"status": None}, status=422)) == ["/status"]
    assert pointers(admin.patch(path, {"batch_id": cast.north.batch_id}, status=422)) == ["/batch_id"]


def test_two_who_edit_one_student_cannot_overwrite_each_other(cast: Cast) -> None:
    admin = cast.north.admin
    path = f"{STUDENTS}/{admin.post(STUDENTS, wish(cast.north))['id']}"
    etag = admin.http.get(path).headers["ETag"]

    admin.patch(path, {"name": "First"}, headers={"If-Match": etag})
    problem = admin.patch(path, {"name": "Second"}, status=412, headers={"If-Match": etag})

    assert problem["type"] == "/problems/stale"
    assert admin.get(path)["name"] == "First"
    assert admin.http.get(path).headers["ETag"] == '"r2"'


def test_a_change_to_what_is_so_already_changes_nothing(cast: Cast, db: Any) -> None:
    admin = cast.north.admin
    made = admin.post(STUDENTS, wish(cast.north, mobile_number="9876543210"))
    path = f"{STUDENTS}/{made['id']}"

    assert admin.patch(path, {"name": "Asha Rao", "mobile_number": "98765 43210", "status": "active"}) == made
    assert admin.patch(path, {}) == made
    assert admin.patch(path, {}, status=412, headers={"If-Match": '"r7"'})["status"] == 412
    assert db.audit.count_documents({"action": "student.changed"}) == 0


def test_who_is_deactivated_is_out_at_once_and_comes_back_by_the_same_password(cast: Cast) -> None:
    student = cast.student(cast.north, "21CS001")
    path = f"{STUDENTS}/{student.id}"

    shown = cast.north.admin.patch(path, {"status": "deactivated"})
    student.get("/auth/me", status=401)
    login = {"username": "21cs001", "password": PASSWORD}
    assert student.http.post("/auth/login", json=login).status_code == 401
    back = cast.north.admin.patch(path, {"status": "active"})

    assert (shown["status"], back["status"]) == ("deactivated", "active")
    assert student.http.post("/auth/login", json=login).status_code == 200


# --- removed ---


def test_a_removed_student_leaves_nothing_that_lets_in(cast: Cast, db: Any) -> None:
    student = cast.student(cast.north, "21CS001", mobile_number="9876543210")
    path = f"{STUDENTS}/{student.id}"

    cast.north.admin.delete(path)

    cast.north.admin.get(path, status=404)
    student.get("/auth/me", status=401)
    for name, field in (
        ("users", "_id"),
        ("login_identifiers", "user_id"),
        ("one_time_links", "user_id"),
        ("sessions", "user_id"),
    ):
        assert db[name].count_documents({field: student.id}) == 0
    cast.north.admin.post(STUDENTS, wish(cast.north, "21CS001", mobile_number="9876543210"))
    [row] = db.audit.find({"action": "student.removed", "campus_id": cast.north.id})
    assert row["target"] == f"student:{student.id}"


def test_many_are_removed_at_once_and_each_is_accounted_for(cast: Cast, db: Any) -> None:
    north, shared = cast.north, wish(cast.north, "both", course_ids=[*cast.north.course_ids])
    mine = [north.admin.post(STUDENTS, wish(north, f"21CS00{n}"))["id"] for n in range(3)]
    both = north.admin.post(STUDENTS, shared)["id"]
    foreign = cast.south.admin.post(STUDENTS, wish(cast.south, "far"))["id"]
    person = course_admin(cast, north, 0)

    reply = person.post(f"{STUDENTS}/bulk_delete", {"ids": [*mine, mine[0], both, foreign, "x"]}, status=200)

    assert [(item["id"], item["deleted"], item["problem"]) for item in reply["items"]] == [
        *((each, True, None) for each in mine),
        (both, False, "not-only-yours"),
        (foreign, False, "student-not-found"),
        ("x", False, "student-not-found"),
    ]
    assert {row["_id"] for row in db.students.find({"username": {"$gte": ""}})} == {both, foreign}
    assert db.users.count_documents({"role": "student", "campus_id": north.id}) == 1
    assert pointers(person.post(f"{STUDENTS}/bulk_delete", {"ids": []}, status=422)) == ["/ids"]
    person.post(f"{STUDENTS}/bulk_delete", {"ids": [f"{n:024x}" for n in range(501)]}, status=422)


def test_a_batch_with_students_stays(cast: Cast) -> None:
    north = cast.north
    made = north.admin.post(STUDENTS, wish(north))

    problem = north.admin.delete(f"{BATCHES}/{north.batch_id}", status=409)
    assert (problem["type"], problem["counts"]) == ("/problems/still-in-use", {"students": 1})
    north.admin.delete(f"{STUDENTS}/{made['id']}")

    north.admin.delete(f"{BATCHES}/{north.batch_id}")


def test_a_batch_that_goes_while_a_student_comes_orphans_nobody(cast: Cast, db: Any) -> None:
    north, one, other = cast.north, device(cast.north.admin), device(cast.north.admin)

    def race(number: int) -> tuple[int, ...]:
        batch = {"campus_id": north.id, "name": f"Race {number}", "course_ids": [north.course_ids[0]]}
        batch_id = north.admin.post(BATCHES, batch)["id"]
        wanted = wish(north, f"race{number}") | {"batch_id": batch_id}
        outcome = together(
            partial(one.post, STUDENTS, json=wanted), partial(other.delete, f"{BATCHES}/{batch_id}")
        )
        left = db.batches.count_documents({"_id": batch_id})
        assert db.students.count_documents({"username": f"race{number}"}) == left
        assert db.batch_course_instances.count_documents({"batch_id": batch_id}) == left
        return tuple(outcome)

    outcomes = {race(number) for number in range(12)}

    assert outcomes <= {(201, 409), (422, 204)}


# --- admins of some courses ---


def test_an_admin_of_one_course_sees_and_names_only_that_course(cast: Cast) -> None:
    north, (first, second) = cast.north, cast.north.course_ids
    both = north.admin.post(STUDENTS, wish(north, "both", course_ids=[first, second]))
    other = north.admin.post(STUDENTS, wish(north, "other", course_ids=[second]))
    person = course_admin(cast, north, 0)

    assert [row["id"] for row in person.get(STUDENTS)["items"]] == [both["id"]]
    assert person.get(f"{STUDENTS}/{both['id']}")["course_ids"] == [first]
    person.get(f"{STUDENTS}/{other['id']}", status=404)
    assert person.get(STUDENTS, query_string={"course_id": second})["items"] == []
    assert person.patch(f"{STUDENTS}/{both['id']}", {"name": "Renamed"})["course_ids"] == [first]
    assert north.admin.get(f"{STUDENTS}/{both['id']}")["course_ids"] == [first, second]


def test_an_admin_of_one_course_adds_and_removes_only_its_students(cast: Cast) -> None:
    north, (first, second) = cast.north, cast.north.course_ids
    both = north.admin.post(STUDENTS, wish(north, "both", course_ids=[first, second]))
    person = course_admin(cast, north, 0)

    mine = person.post(STUDENTS, wish(north, "mine"))
    refused = person.post(STUDENTS, wish(north, "their", course_ids=[second]), status=422)
    shared = person.delete(f"{STUDENTS}/{both['id']}", status=403)
    person.delete(f"{STUDENTS}/{mine['id']}")

    assert pointers(refused) == ["/course_ids"]
    assert shared["type"] == "/problems/not-only-yours"


def test_students_may_not_look_at_each_other(cast: Cast) -> None:
    student = cast.student(cast.north, "21CS001")

    for path in (STUDENTS, f"{STUDENTS}/{student.id}"):
        assert student.get(path, status=403)["type"] == "/problems/forbidden"
