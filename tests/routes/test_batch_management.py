"""Batches and their batch-course instances through the front door."""

from functools import partial
from typing import Any

import pytest

from tests.cast import Campus, Cast, Person
from tests.clients import device, every, pointers, same, together
from tests.people import wide

BATCHES = "/batch_management/batches"
INSTANCES = "/batch_management/instances"
COURSES = "/course_management/courses"
STUDENTS = "/student_management/students"
NOBODY = "0" * 24


@pytest.fixture
def north(cast: Cast) -> Campus:
    return cast.north


@pytest.fixture
def south(cast: Cast) -> Campus:
    return cast.south


@pytest.fixture
def teacher(cast: Cast, north: Campus) -> Person:
    """Works in the first of the two courses."""
    return cast.admin("cse.admin", "course_admin", north.id, course_ids=[north.course_ids[0]])


def wish(campus: Campus, name: str = "Evening", courses: Any = None) -> dict[str, Any]:
    return {"campus_id": campus.id, "name": name, "course_ids": courses or list(campus.course_ids)}


def courses_of(person: Person, batch_id: str) -> set[str]:
    """The courses of a batch that have an instance, as one person sees them."""
    return {row["course_id"] for row in every(person, INSTANCES, batch_id=batch_id)}


# --- making ---


def test_a_batch_is_made_with_an_instance_for_each_course(north: Campus) -> None:
    first, second = north.course_ids

    made = north.admin.post(BATCHES, wish(north, courses=[first, second, first]))

    assert made == north.admin.get(f"{BATCHES}/{made['id']}")
    assert (made["campus_id"], made["name"], made["course_ids"]) == (north.id, "Evening", [first, second])
    instances = north.admin.get(f"{INSTANCES}?batch_id={made['id']}")["items"]
    assert {row["course_id"] for row in instances} == {first, second}
    assert all(row == north.admin.get(f"{INSTANCES}/{row['id']}") for row in instances)


def test_a_name_is_unique_at_its_campus_whatever_its_case_and_width(north: Campus, south: Campus) -> None:
    north.admin.post(BATCHES, wish(north))

    for name in ("evening", "EVENING ", wide("Evening")):
        problem = north.admin.post(BATCHES, wish(north, name), status=409)
        assert (problem["type"], pointers(problem)) == ("/problems/already-in-use", ["/name"])
    assert south.admin.post(BATCHES, wish(south))["name"] == "Evening"


def test_a_refused_batch_leaves_no_instance(north: Campus, db: Any) -> None:
    before = db.batch_course_instances.count_documents({"campus_id": north.id})

    north.admin.post(BATCHES, wish(north, "North 2026"), status=409)
    north.admin.post(BATCHES, wish(north, courses=[north.course_ids[0], NOBODY]), status=422)

    assert db.batch_course_instances.count_documents({"campus_id": north.id}) == before


def test_foreign_missing_and_malformed_places_are_the_same(north: Campus, south: Campus) -> None:
    def refused(**change: Any) -> Any:
        return same(north.admin.post(BATCHES, wish(north) | change, status=422))

    campuses = [refused(campus_id=campus_id) for campus_id in (south.id, NOBODY, "../..")]
    courses = [refused(course_ids=[course_id]) for course_id in (south.course_ids[0], NOBODY, "$ne")]

    assert all(answer == campuses[0] for answer in campuses)
    assert all(answer == courses[0] for answer in courses)
    assert (pointers(campuses[0]), pointers(courses[0])) == (["/campus_id"], ["/course_ids"])


def test_not_even_a_superadmin_mixes_campuses(cast: Cast, north: Campus, south: Campus) -> None:
    mixed = [north.course_ids[0], south.course_ids[0]]

    problem = cast.superadmin.post(BATCHES, wish(north, courses=mixed), status=422)

    assert pointers(problem) == ["/course_ids"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"course_ids": []}, "/course_ids"),
        ({"course_ids": None}, "/course_ids"),
        ({"course_ids": "all"}, "/course_ids"),
        ({"course_ids": ["x", ""]}, "/course_ids/1"),
        ({"course_ids": ["x", 7]}, "/course_ids/1"),
        ({"course_ids": ["x", {"$ne": ""}]}, "/course_ids/1"),
        ({"course_ids": ["x"] * 51}, "/course_ids"),
        ({"name": ""}, "/name"),
        ({"students": []}, "/students"),
    ],
)
def test_a_wrong_wish_names_the_field(north: Campus, change: dict[str, Any], pointer: str) -> None:
    assert pointers(north.admin.post(BATCHES, wish(north) | change, status=422)) == [pointer]


def test_a_repeated_request_with_its_key_makes_one_batch(north: Campus, db: Any) -> None:
    key = {"Idempotency-Key": "b1"}

    first, again = (north.admin.post(BATCHES, wish(north), headers=key) for _ in range(2))
    other = north.admin.post(BATCHES, wish(north, "Other"), status=422, headers=key)

    assert first == again
    assert pointers(other) == ["/Idempotency-Key"]
    assert courses_of(north.admin, first["id"]) == {*north.course_ids}
    assert len(north.admin.get(BATCHES)["items"]) == 2


# --- seeing ---


def test_each_role_sees_its_own(cast: Cast, north: Campus, south: Campus, teacher: Person) -> None:
    other = north.admin.post(BATCHES, wish(north, courses=[north.course_ids[1]]))

    def seen(person: Person, path: str = BATCHES, **query: Any) -> set[str]:
        return {row["id"] for row in every(person, path, **query)}

    assert seen(cast.superadmin) == {north.batch_id, other["id"], south.batch_id}
    assert seen(cast.superadmin, campus_id=south.id) == {south.batch_id}
    assert seen(north.admin) == {north.batch_id, other["id"]}
    assert seen(north.admin, campus_id=south.id) == set()
    assert seen(teacher) == {north.batch_id}
    assert len(seen(cast.superadmin, INSTANCES)) == 5
    assert len(seen(north.admin, INSTANCES)) == 3
    assert len(seen(north.admin, INSTANCES, course_id=north.course_ids[1])) == 2
    assert len(seen(teacher, INSTANCES)) == 1
    assert seen(teacher, INSTANCES, course_id=north.course_ids[1]) == set()
    assert seen(teacher, INSTANCES, batch_id=other["id"]) == set()


def test_a_course_admin_is_not_told_of_the_other_courses_of_a_batch(teacher: Person, north: Campus) -> None:
    own = [north.course_ids[0]]

    assert teacher.get(f"{BATCHES}/{north.batch_id}")["course_ids"] == own
    assert [row["course_ids"] for row in teacher.get(BATCHES)["items"]] == [own]
    assert teacher.patch(f"{BATCHES}/{north.batch_id}", {"name": "Renamed"})["course_ids"] == own
    assert courses_of(teacher, north.batch_id) == {*own}


def test_what_lies_outside_the_scope_does_not_exist(
    north: Campus, south: Campus, teacher: Person, cast: Cast
) -> None:
    other = north.admin.post(BATCHES, wish(north, courses=[north.course_ids[1]]))["id"]
    [instance] = north.admin.get(f"{INSTANCES}?batch_id={other}")["items"]

    batches = [
        teacher.get(f"{BATCHES}/{row_id}", status=404) for row_id in (other, south.batch_id, NOBODY, "x y")
    ]
    instances = [teacher.get(f"{INSTANCES}/{row_id}", status=404) for row_id in (instance["id"], NOBODY)]

    assert all(same(answer) == same(batches[0]) for answer in batches)
    assert same(instances[0]) == same(instances[1])


def test_pages_are_complete_for_every_scope(
    cast: Cast, north: Campus, south: Campus, teacher: Person
) -> None:
    first, second = north.course_ids
    both = cast.admin("both.admin", "course_admin", north.id, course_ids=[first, second])
    for number, courses in enumerate([[first], [second], [first, second]] * 2):
        north.admin.post(BATCHES, wish(north, f"Batch {number % 4} {'I' * number}", courses))
        south.admin.post(BATCHES, wish(south, f"Batch {number}"))

    for person, count in ((cast.superadmin, 14), (north.admin, 7), (both, 7), (teacher, 5)):
        for limit in (1, 2, 3, 14):
            rows = every(person, BATCHES, limit)
            assert len({row["id"] for row in rows}) == len(rows) == count
            assert [row["name"].casefold() for row in rows] == sorted(row["name"].casefold() for row in rows)
            assert every(person, BATCHES, limit, sort="-name") == rows[::-1]
    for limit in (1, 2, 9, 10):
        instances = every(both, INSTANCES, limit)
        assert [row["id"] for row in instances] == sorted({row["id"] for row in instances})
        assert len(instances) == 10
        assert every(both, INSTANCES, limit, sort="-id") == instances[::-1]


@pytest.mark.parametrize(
    ("path", "query", "pointer"),
    [
        (BATCHES, "campus_id=", "/campus_id"),
        (BATCHES, "sort=created_at", "/sort"),
        (BATCHES, "course_id=x", "/course_id"),
        (INSTANCES, "batch_id=", "/batch_id"),
        (INSTANCES, "sort=name", "/sort"),
        (INSTANCES, "cursor=AAAA", "/cursor"),
    ],
)
def test_a_wrong_query_names_its_part(north: Campus, path: str, query: str, pointer: str) -> None:
    assert pointers(north.admin.get(f"{path}?{query}", status=422)) == [pointer]


# --- changing ---


def test_courses_come_and_go_with_their_instances(north: Campus) -> None:
    first, second = north.course_ids
    third = north.admin.post(COURSES, {"campus_id": north.id, "name": "Mechanics", "code": "ME"})["id"]
    path = f"{BATCHES}/{north.batch_id}"
    [kept] = [row for row in every(north.admin, INSTANCES) if row["course_id"] == second]

    changed = north.admin.patch(path, {"course_ids": [third, second]})

    assert (changed["course_ids"], changed["revision"]) == ([second, third], 2)
    assert courses_of(north.admin, north.batch_id) == {second, third}
    assert north.admin.get(f"{INSTANCES}/{kept['id']}") == kept
    assert north.admin.patch(path, {"course_ids": [first, second]})["revision"] == 3


def test_a_change_of_nothing_leaves_no_trace(north: Campus, db: Any) -> None:
    path = f"{BATCHES}/{north.batch_id}"
    before = north.admin.get(path)

    for change in ({}, {"name": before["name"]}, {"course_ids": before["course_ids"][::-1]}):
        assert north.admin.patch(path, change) == before

    assert db.audit.count_documents({"action": "batch.changed", "campus_id": north.id}) == 0


def test_a_stale_change_is_refused(north: Campus) -> None:
    path = f"{BATCHES}/{north.batch_id}"
    seen = {"If-Match": north.admin.http.get(path).headers["ETag"]}
    north.admin.patch(path, {"name": "First"}, headers=seen)

    north.admin.patch(path, {"course_ids": [north.course_ids[0]]}, status=412, headers=seen)
    north.admin.patch(path, {"name": "Second"}, status=412, headers={"If-Match": "r1"})

    assert courses_of(north.admin, north.batch_id) == {*north.course_ids}


def test_a_course_that_a_student_of_the_batch_takes_stays(cast: Cast, north: Campus) -> None:
    first, second = north.course_ids
    cast.student(north, "001")

    problem = north.admin.patch(f"{BATCHES}/{north.batch_id}", {"course_ids": [second]}, status=409)
    changed = north.admin.patch(f"{BATCHES}/{north.batch_id}", {"course_ids": [first]})

    assert problem["counts"] == {"students": 1}
    assert changed["course_ids"] == [first]
    assert courses_of(north.admin, north.batch_id) == {first}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"course_ids": [NOBODY]}, "/course_ids"),
        ({"course_ids": []}, "/course_ids"),
        ({"course_ids": None}, "/course_ids"),
        ({"name": None}, "/name"),
        ({"name": "\u0007"}, "/name"),
        ({"campus_id": NOBODY}, "/campus_id"),
    ],
)
def test_a_wrong_change_names_the_field(north: Campus, change: dict[str, Any], pointer: str) -> None:
    before = north.admin.get(f"{BATCHES}/{north.batch_id}")

    assert pointers(north.admin.patch(f"{BATCHES}/{north.batch_id}", change, status=422)) == [pointer]

    assert north.admin.get(f"{BATCHES}/{north.batch_id}") == before


# --- a course admin among others ---


def test_a_course_admin_makes_batches_of_the_own_courses_only(teacher: Person, north: Campus) -> None:
    own = [north.course_ids[0]]

    problem = teacher.post(BATCHES, wish(north), status=422)
    made = teacher.post(BATCHES, wish(north, courses=own))

    assert pointers(problem) == ["/course_ids"]
    assert north.admin.get(f"{BATCHES}/{made['id']}")["course_ids"] == own


def test_a_course_admin_leaves_the_courses_of_others_in_the_batch(
    cast: Cast, teacher: Person, north: Campus
) -> None:
    first, second = north.course_ids
    third = north.admin.post(COURSES, {"campus_id": north.id, "name": "Mechanics", "code": "ME"})["id"]
    both = cast.admin("both.admin", "course_admin", north.id, course_ids=[first, third])
    path = f"{BATCHES}/{north.batch_id}"

    shown = both.patch(path, {"course_ids": [third]})

    assert shown["course_ids"] == [third]
    assert north.admin.get(path)["course_ids"] == [second, third]
    assert courses_of(north.admin, north.batch_id) == {second, third}


def test_a_course_admin_cannot_find_out_what_else_a_batch_takes(teacher: Person, north: Campus) -> None:
    first, second = north.course_ids
    path = f"{BATCHES}/{north.batch_id}"

    answers = [teacher.patch(path, {"course_ids": [first, other]}, status=422) for other in (second, NOBODY)]

    assert same(answers[0]) == same(answers[1])
    assert north.admin.get(path)["course_ids"] == [first, second]


def test_a_course_admin_removes_a_batch_only_if_it_is_all_theirs(teacher: Person, north: Campus) -> None:
    own = teacher.post(BATCHES, wish(north, courses=[north.course_ids[0]]))["id"]

    problem = teacher.delete(f"{BATCHES}/{north.batch_id}", status=403)
    teacher.delete(f"{BATCHES}/{own}")

    assert problem["type"] == "/problems/not-only-yours"
    assert courses_of(north.admin, north.batch_id) == {*north.course_ids}
    north.admin.get(f"{BATCHES}/{own}", status=404)


# --- removing ---


def test_a_batch_without_students_goes_with_its_instances(north: Campus, db: Any) -> None:
    north.admin.delete(f"{BATCHES}/{north.batch_id}")

    assert north.admin.get(BATCHES)["items"] == north.admin.get(INSTANCES)["items"] == []
    north.admin.delete(f"{BATCHES}/{north.batch_id}", status=404)
    (row,) = db.audit.find({"action": "batch.removed", "campus_id": north.id})
    assert (row["actor_id"], row["target"]) == (north.admin.id, f"batch:{north.batch_id}")


def test_a_batch_with_students_says_so_and_stays(cast: Cast, north: Campus) -> None:
    cast.student(north, "001")

    problem = north.admin.delete(f"{BATCHES}/{north.batch_id}", status=409)

    assert (problem["type"], problem["counts"]) == ("/problems/still-in-use", {"students": 1})
    assert courses_of(north.admin, north.batch_id) == {*north.course_ids}


def test_no_student_is_orphaned_by_a_removal_at_the_same_moment(north: Campus, db: Any) -> None:
    outcomes = set()
    for number in range(12):
        courses = [north.course_ids[0]]
        batch_id = north.admin.post(BATCHES, wish(north, f"Batch {number}", courses))["id"]
        student = {"name": "Asha Rao", "roll_number": f"R{number}", "batch_id": batch_id}
        add = partial(device(north.admin).post, STUDENTS, json=student | {"course_ids": courses})
        remove = partial(device(north.admin).delete, f"{BATCHES}/{batch_id}")
        outcomes.add(tuple(together(add, remove)))

    assert outcomes <= {(201, 409), (422, 204)}, outcomes
    batches = {row["_id"] for row in db.batches.find({"campus_id": north.id})}
    instances = {row["_id"] for row in db.batch_course_instances.find({"campus_id": north.id})}
    for student in db.students.find({"campus_id": north.id}):
        assert student["batch_id"] in batches
        assert {*student["instance_ids"]} <= instances


def test_no_student_takes_a_course_that_is_dropped_at_the_same_moment(north: Campus, db: Any) -> None:
    first, second = north.course_ids
    outcomes = set()
    for number in range(10):
        batch_id = north.admin.post(BATCHES, wish(north, f"Batch {number}"))["id"]
        student = {"name": "Asha Rao", "roll_number": f"R{number}", "batch_id": batch_id}
        add = partial(device(north.admin).post, STUDENTS, json=student | {"course_ids": [first]})
        drop = partial(device(north.admin).patch, f"{BATCHES}/{batch_id}", json={"course_ids": [second]})
        outcomes.add(tuple(together(add, drop)))

    assert outcomes <= {(201, 409), (422, 200)}, outcomes
    instances = {row["_id"] for row in db.batch_course_instances.find({"campus_id": north.id})}
    taken = {each for row in db.students.find({"campus_id": north.id}) for each in row["instance_ids"]}
    assert taken <= instances
