"""Courses through the front door."""

from functools import partial
from typing import Any

import pytest

from tests.cast import Campus, Cast, Person
from tests.clients import device, every, pointers, same, together

COURSES = "/course_management/courses"
BATCHES = "/batch_management/batches"
ADMINS = "/admin_management/admins"
NOBODY = "0" * 24


@pytest.fixture
def north(cast: Cast) -> Campus:
    return cast.north


@pytest.fixture
def south(cast: Cast) -> Campus:
    return cast.south


@pytest.fixture
def teacher(cast: Cast, north: Campus) -> Person:
    return cast.admin("cse.admin", "course_admin", north.id, course_ids=[north.course_ids[0]])


def wish(campus: Campus, name: str = "Mechanics", code: str = "ME") -> dict[str, Any]:
    return {"campus_id": campus.id, "name": name, "code": code}


# --- making ---


def test_a_campus_admin_makes_a_course_of_the_own_campus(north: Campus) -> None:
    made = north.admin.post(COURSES, wish(north, " Mechanical   Engineering "))

    assert made == north.admin.get(f"{COURSES}/{made['id']}")
    assert (made["campus_id"], made["name"], made["code"]) == (north.id, "Mechanical Engineering", "ME")


def test_a_code_is_unique_at_its_campus_only(north: Campus, south: Campus) -> None:
    north.admin.post(COURSES, wish(north))

    problem = north.admin.post(COURSES, wish(north, "Other", "me"), status=409)
    elsewhere = south.admin.post(COURSES, wish(south))

    assert pointers(problem) == ["/code"]
    assert elsewhere["code"] == "ME"


def test_a_foreign_a_missing_and_a_malformed_campus_are_the_same(north: Campus, south: Campus) -> None:
    answers = [
        north.admin.post(COURSES, wish(north) | {"campus_id": campus_id}, status=422)
        for campus_id in (south.id, NOBODY, "../..", "$ne")
    ]

    assert all(same(answer) == same(answers[0]) for answer in answers)
    assert pointers(answers[0]) == ["/campus_id"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"campus_id": None}, "/campus_id"),
        ({"campus_id": ""}, "/campus_id"),
        ({"campus_id": {"$gt": ""}}, "/campus_id"),
        ({"name": "\u200b"}, "/name"),
        ({"name": 7}, "/name"),
        ({"code": "-ME"}, "/code"),
        ({"code": "x" * 33}, "/code"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_a_wrong_wish_names_the_field(north: Campus, change: dict[str, Any], pointer: str) -> None:
    assert pointers(north.admin.post(COURSES, wish(north) | change, status=422)) == [pointer]


def test_a_repeated_request_with_its_key_makes_one_course(north: Campus) -> None:
    key = {"Idempotency-Key": "c1"}

    first, again = (north.admin.post(COURSES, wish(north), headers=key) for _ in range(2))

    assert first == again
    assert len(north.admin.get(COURSES)["items"]) == 3
    assert pointers(north.admin.post(COURSES, wish(north, code="EE"), status=422, headers=key)) == [
        "/Idempotency-Key"
    ]


def test_a_refusal_leaves_its_key_free(north: Campus) -> None:
    key = {"Idempotency-Key": "c1"}
    north.admin.post(COURSES, wish(north, code="CSE"), status=409, headers=key)

    assert north.admin.post(COURSES, wish(north), headers=key)["code"] == "ME"


# --- seeing ---


def test_each_role_sees_its_own(cast: Cast, north: Campus, south: Campus, teacher: Person) -> None:
    def seen(person: Person, **query: Any) -> set[str]:
        return {row["id"] for row in every(person, COURSES, **query)}

    assert seen(cast.superadmin) == {*north.course_ids, *south.course_ids}
    assert seen(cast.superadmin, campus_id=south.id) == {*south.course_ids}
    assert seen(north.admin) == {*north.course_ids}
    assert seen(north.admin, campus_id=south.id) == set()
    assert seen(teacher) == seen(teacher, campus_id=north.id) == {north.course_ids[0]}


def test_a_course_outside_the_scope_does_not_exist(north: Campus, south: Campus, teacher: Person) -> None:
    answers = [
        teacher.get(f"{COURSES}/{course_id}", status=404)
        for course_id in (north.course_ids[1], south.course_ids[0], NOBODY, "not an id")
    ]

    assert all(same(answer) == same(answers[0]) for answer in answers)


def test_pages_of_one_campus_are_complete_also_with_equal_names(
    cast: Cast, north: Campus, south: Campus
) -> None:
    for number in range(5):
        north.admin.post(COURSES, wish(north, "Same Name", f"S{number}"))
        south.admin.post(COURSES, wish(south, "same name", f"S{number}"))

    for limit in (1, 2, 3, 7):
        rows = every(north.admin, COURSES, limit)
        assert len({row["id"] for row in rows}) == len(rows) == 7
        assert every(north.admin, COURSES, limit, sort="-name") == rows[::-1]
        assert len(every(cast.superadmin, COURSES, limit)) == 14


# --- changing and removing ---


def test_a_course_is_renamed_and_keeps_its_campus(north: Campus) -> None:
    path = f"{COURSES}/{north.course_ids[0]}"

    changed = north.admin.patch(path, {"name": "Computer Science"})

    assert (changed["name"], changed["code"], changed["revision"]) == ("Computer Science", "CSE", 2)
    assert pointers(north.admin.patch(path, {"campus_id": north.id}, status=422)) == ["/campus_id"]
    assert pointers(north.admin.patch(path, {"code": "ECE"}, status=409)) == ["/code"]
    assert pointers(north.admin.patch(path, {"name": None}, status=422)) == ["/name"]
    assert north.admin.patch(path, {"name": "Computer Science"})["revision"] == 2
    north.admin.patch(path, {"name": "Late"}, status=412, headers={"If-Match": '"r1"'})


def test_a_foreign_course_is_neither_changed_nor_removed(north: Campus, south: Campus) -> None:
    path = f"{COURSES}/{south.course_ids[0]}"

    north.admin.patch(path, {"name": "Ours"}, status=404)
    north.admin.delete(path, status=404)

    assert south.admin.get(path)["revision"] == 1


def test_a_course_admin_changes_no_course(teacher: Person, north: Campus) -> None:
    teacher.patch(f"{COURSES}/{north.course_ids[0]}", {"name": "Mine"}, status=403)
    teacher.delete(f"{COURSES}/{north.course_ids[0]}", status=403)
    teacher.post(COURSES, wish(north), status=403)


def test_a_course_in_use_says_by_what(cast: Cast, north: Campus, teacher: Person) -> None:
    cast.student(north, "001")
    cast.student(north, "002", course_ids=[north.course_ids[1]])

    problem = north.admin.delete(f"{COURSES}/{north.course_ids[0]}", status=409)

    assert problem["counts"] == {"batches": 1, "admins": 1, "students": 1}


def test_a_course_is_removed_once_nothing_depends_on_it(north: Campus, db: Any) -> None:
    first, second = north.course_ids
    north.admin.patch(f"{BATCHES}/{north.batch_id}", {"course_ids": [second]})

    north.admin.delete(f"{COURSES}/{first}")

    assert [row["id"] for row in north.admin.get(COURSES)["items"]] == [second]
    assert db.audit.count_documents({"action": "course.removed", "campus_id": north.id}) == 1


def test_nobody_teaches_a_course_that_is_removed_at_the_same_moment(north: Campus, db: Any) -> None:
    outcomes = set()
    for number in range(10):
        course_id = north.admin.post(COURSES, wish(north, code=f"X{number}"))["id"]
        email, asked = f"asha.{number}@example.com", {"name": "Asha Rao", "course_ids": [course_id]}
        admin = asked | {"role": "course_admin", "username": f"asha.{number}", "email": email}
        batch = {"campus_id": north.id, "name": f"Batch {number}", "course_ids": [course_id]}
        path, body = (ADMINS, admin) if number % 2 else (BATCHES, batch)
        add = partial(device(north.admin).post, path, json=body)
        remove = partial(device(north.admin).delete, f"{COURSES}/{course_id}")
        outcomes.add(tuple(together(add, remove)))

    assert outcomes <= {(201, 409), (404, 204), (422, 204)}, outcomes
    known = {row["_id"] for row in db.courses.find({"campus_id": north.id})}
    taught = [*db.users.find({"campus_id": north.id}), *db.batches.find({"campus_id": north.id})]
    assert {course_id for row in taught for course_id in row["course_ids"]} <= known
