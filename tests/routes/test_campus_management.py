"""Campuses through the front door."""

from functools import partial
from typing import Any

import pytest

from tests.cast import Cast, Person
from tests.clients import device, every, pointers, same, together

CAMPUSES = "/campus_management/campuses"
COURSES = "/course_management/courses"
ADMINS = "/admin_management/admins"


def wish(name: str = "North", code: str = "N1", **more: Any) -> dict[str, Any]:
    return {"name": name, "code": code, "timezone": "Asia/Kolkata", **more}


@pytest.fixture
def boss(cast: Cast) -> Person:
    return cast.superadmin


# --- making and reading ---


def test_a_new_campus_is_shown_as_it_was_wanted(boss: Person) -> None:
    made = boss.post(CAMPUSES, wish("  North \u0020 Campus ", "N-1", country="AE"))

    assert made == boss.get(f"{CAMPUSES}/{made['id']}")
    assert (made["name"], made["code"], made["timezone"], made["country"], made["revision"]) == (
        "North Campus",
        "N-1",
        "Asia/Kolkata",
        "AE",
        1,
    )
    assert set(made) == {"id", "name", "code", "timezone", "country", "revision", "created_at", "updated_at"}


def test_a_campus_without_a_country_is_in_that_of_the_platform(boss: Person) -> None:
    assert boss.post(CAMPUSES, wish())["country"] == "IN"
    assert boss.post(CAMPUSES, wish(code="N2", country=None))["country"] == "IN"


@pytest.mark.parametrize("name", ["مدرسة الشمال", "വടക്കൻ\u200d ക്യാമ്പസ്", "北校区", "2026", "Café № 1"])
def test_a_name_may_be_in_any_script(boss: Person, name: str) -> None:
    made = boss.post(CAMPUSES, wish(name))

    assert made["name"] == name


@pytest.mark.parametrize("again", ["N1", "n1", " n1 "])
def test_no_two_campuses_share_a_code(boss: Person, again: str) -> None:
    boss.post(CAMPUSES, wish())

    problem = boss.post(CAMPUSES, wish("Another", again), status=409)

    assert problem["type"] == "/problems/already-in-use"
    assert pointers(problem) == ["/code"]


def test_of_those_who_take_a_code_at_the_same_moment_one_wins(boss: Person) -> None:
    calls = (partial(device(boss).post, CAMPUSES, json=wish(f"Campus {number}")) for number in range(4))

    assert sorted(together(*calls)) == [201, 409, 409, 409]
    assert len(boss.get(CAMPUSES)["items"]) == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"name": "a\u202eb"}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"name": {"$ne": None}}, "/name"),
        ({"name": None}, "/name"),
        ({"code": ""}, "/code"),
        ({"code": "a b"}, "/code"),
        ({"code": "N\u0661"}, "/code"),
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"timezone": "../../etc/passwd"}, "/timezone"),
        ({"country": "in"}, "/country"),
        ({"country": "XX"}, "/country"),
        ({"id": "0" * 24}, "/id"),
        ({"campus_id": "0" * 24}, "/campus_id"),
        ({"revision": 9}, "/revision"),
    ],
)
def test_a_wrong_wish_names_the_field(boss: Person, change: dict[str, Any], pointer: str) -> None:
    problem = boss.post(CAMPUSES, wish() | change, status=422)

    assert pointers(problem) == [pointer]
    assert boss.get(CAMPUSES)["items"] == []


def test_every_wrong_field_is_named_at_once(boss: Person) -> None:
    problem = boss.post(CAMPUSES, {"name": "", "surprise": 1}, status=422)

    assert set(pointers(problem)) == {"/name", "/code", "/timezone", "/surprise"}


def test_a_repeated_request_with_its_key_makes_one_campus(boss: Person) -> None:
    key = {"Idempotency-Key": "c1"}

    first, again = (boss.http.post(CAMPUSES, json=wish(), headers=key) for _ in range(2))
    other = boss.post(CAMPUSES, wish("Other"), status=422, headers=key)

    assert (first.status_code, first.data, first.headers["ETag"]) == (
        again.status_code,
        again.data,
        again.headers["ETag"],
    )
    assert pointers(other) == ["/Idempotency-Key"]
    assert len(boss.get(CAMPUSES)["items"]) == 1


# --- lists ---


def test_pages_are_complete_and_in_order_also_with_equal_names(boss: Person) -> None:
    names = ["Delta", "alpha", "Alpha", "ALPHA", "Beta", "Älpha", "gamma"]
    made = [boss.post(CAMPUSES, wish(name, f"C{n}")) for n, name in enumerate(names)]

    for limit in (1, 2, 3, 7, 8):
        forward = every(boss, CAMPUSES, limit)
        backward = every(boss, CAMPUSES, limit, sort="-name")
        assert sorted(row["id"] for row in forward) == sorted(row["id"] for row in made)
        assert [row["name"].casefold() for row in forward] == sorted(name.casefold() for name in names)
        assert backward == forward[::-1]


def test_somebody_who_is_added_behind_the_cursor_is_met_and_nobody_twice(boss: Person) -> None:
    for number in range(4):
        boss.post(CAMPUSES, wish(f"Campus {number}", f"C{number}"))
    first = boss.get(f"{CAMPUSES}?limit=2")
    boss.post(CAMPUSES, wish("Campus 0b", "C9"))
    boss.post(CAMPUSES, wish("Campus 2b", "C8"))

    rest = boss.get(f"{CAMPUSES}?limit=9&cursor={first['next_cursor']}")

    assert [row["name"] for row in first["items"]] == ["Campus 0", "Campus 1"]
    assert [row["name"] for row in rest["items"]] == ["Campus 2", "Campus 2b", "Campus 3"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("sort=code", "/sort"),
        ("limit=0", "/limit"),
        ("limit=201", "/limit"),
        ("limit=two", "/limit"),
        ("cursor=nonsense", "/cursor"),
        ("cursor=WyItbmFtZSIsInYiLCJhIiwiMSJd", "/cursor"),  # of the order -name
        ("campus_id=x", "/campus_id"),
        ("sort=name&sort=-name", "/sort"),
    ],
)
def test_a_wrong_query_names_its_part(boss: Person, query: str, pointer: str) -> None:
    assert pointers(boss.get(f"{CAMPUSES}?{query}", status=422)) == [pointer]


def test_who_works_at_a_campus_sees_it_and_no_other(cast: Cast) -> None:
    north, south = cast.north, cast.south
    teacher = cast.admin("cse.admin", "course_admin", north.id, course_ids=[north.course_ids[0]])

    for person in (north.admin, teacher):
        assert [row["id"] for row in person.get(CAMPUSES)["items"]] == [north.id]
        assert person.get(f"{CAMPUSES}/{north.id}")["name"] == north.name
        foreign = person.get(f"{CAMPUSES}/{south.id}", status=404)
        missing = person.get(f"{CAMPUSES}/{'0' * 24}", status=404)
        assert same(foreign) == same(missing)


# --- changing ---


def test_what_is_left_out_of_a_change_stays(boss: Person) -> None:
    made = boss.post(CAMPUSES, wish(country="AE"))

    changed = boss.patch(f"{CAMPUSES}/{made['id']}", {"name": "South"})

    assert changed["revision"] == 2
    assert changed["updated_at"] > made["updated_at"]
    mine = ("code", "timezone", "country", "created_at")
    assert changed["name"] == "South"
    assert [changed[name] for name in mine] == [made[name] for name in mine]
    assert [row["name"] for row in boss.get(CAMPUSES)["items"]] == ["South"]


@pytest.mark.parametrize("change", [{}, {"name": "North"}, {"name": " North ", "code": "N1"}])
def test_a_change_of_nothing_leaves_no_trace(boss: Person, db: Any, change: dict[str, Any]) -> None:
    made = boss.post(CAMPUSES, wish())

    assert boss.patch(f"{CAMPUSES}/{made['id']}", change) == made

    assert db.audit.count_documents({"action": "campus.changed"}) == 0


def test_a_change_is_on_record_with_the_fields_and_without_their_content(boss: Person, db: Any) -> None:
    made = boss.post(CAMPUSES, wish())
    boss.patch(f"{CAMPUSES}/{made['id']}", {"name": "Elsewhere", "country": "AE", "code": "N1"})

    (row,) = db.audit.find({"action": "campus.changed"})

    assert (row["actor_id"], row["campus_id"], row["target"]) == (boss.id, made["id"], f"campus:{made['id']}")
    assert row["detail"] == {"fields": ["country", "name"]}


@pytest.mark.parametrize("field", ["name", "code", "timezone", "country"])
def test_null_is_no_value(boss: Person, field: str) -> None:
    made = boss.post(CAMPUSES, wish())

    assert pointers(boss.patch(f"{CAMPUSES}/{made['id']}", {field: None}, status=422)) == [f"/{field}"]
    assert boss.get(f"{CAMPUSES}/{made['id']}") == made


def test_a_stale_change_is_refused_and_a_fresh_one_taken(boss: Person) -> None:
    made = boss.http.post(CAMPUSES, json=wish())
    path, seen = f"{CAMPUSES}/{made.get_json()['id']}", {"If-Match": made.headers["ETag"]}
    boss.patch(path, {"name": "First"}, headers=seen)

    problem = boss.patch(path, {"name": "Second"}, status=412, headers=seen)
    of_nothing = boss.patch(path, {}, status=412, headers=seen)
    fresh = boss.http.get(path).headers["ETag"]
    changed = boss.patch(path, {"name": "Third"}, headers={"If-Match": fresh})

    assert problem["type"] == of_nothing["type"] == "/problems/stale"
    assert (changed["name"], changed["revision"]) == ("Third", 3)


def test_of_those_who_saw_the_same_one_changes_it(boss: Person) -> None:
    path, seen = f"{CAMPUSES}/{boss.post(CAMPUSES, wish())['id']}", {"If-Match": '"r1"'}
    calls = (
        partial(device(boss).patch, path, json={"name": f"Name {number}"}, headers=seen)
        for number in range(4)
    )

    assert sorted(together(*calls)) == [200, 412, 412, 412]
    assert boss.get(path)["revision"] == 2


def test_a_code_cannot_be_changed_to_one_that_is_taken(boss: Person) -> None:
    boss.post(CAMPUSES, wish())
    other = boss.post(CAMPUSES, wish("South", "S1"))

    problem = boss.patch(f"{CAMPUSES}/{other['id']}", {"code": "n1"}, status=409)

    assert pointers(problem) == ["/code"]
    assert boss.patch(f"{CAMPUSES}/{other['id']}", {"code": "s1"})["code"] == "s1"


# --- removing ---


def test_a_campus_on_which_nothing_depends_is_removed(boss: Person, db: Any) -> None:
    made = boss.post(CAMPUSES, wish())

    boss.delete(f"{CAMPUSES}/{made['id']}")

    boss.get(f"{CAMPUSES}/{made['id']}", status=404)
    boss.delete(f"{CAMPUSES}/{made['id']}", status=404)
    assert db.audit.count_documents({"action": "campus.removed", "campus_id": made["id"]}) == 1


def test_a_campus_in_use_says_by_what_and_stays(cast: Cast) -> None:
    north = cast.north
    cast.student(north, "001")

    problem = cast.superadmin.delete(f"{CAMPUSES}/{north.id}", status=409)

    assert problem["type"] == "/problems/still-in-use"
    assert problem["counts"] == {"courses": 2, "batches": 1, "admins": 1, "students": 1}
    assert cast.superadmin.get(f"{CAMPUSES}/{north.id}")["id"] == north.id


@pytest.mark.parametrize("what", ["course", "admin"])
def test_nothing_is_orphaned_by_a_removal_at_the_same_moment(cast: Cast, db: Any, what: str) -> None:
    boss = cast.superadmin
    outcomes = set()

    def wanted(campus_id: str, code: str) -> tuple[str, dict[str, Any]]:
        if what == "course":
            return COURSES, {"campus_id": campus_id, "name": "CSE", "code": "CSE"}
        admin = {"role": "campus_admin", "name": "Asha Rao", "campus_id": campus_id}
        return ADMINS, admin | {"username": f"asha.{code}", "email": f"asha.{code}@example.com"}

    for number in range(12):
        campus_id = boss.post(CAMPUSES, wish(code=f"C{number}"))["id"]
        path, body = wanted(campus_id, f"c{number}")
        add = partial(device(boss).post, path, json=body)
        remove = partial(device(boss).delete, f"{CAMPUSES}/{campus_id}")
        outcomes.add(tuple(together(add, remove)))

    assert outcomes <= {(201, 409), (422, 204), (404, 204)}, outcomes
    known = [row["_id"] for row in db.campuses.find({"name_key": {"$gte": ""}})]
    for collection in (db.courses, db.users):
        assert collection.count_documents({"campus_id": {"$nin": [*known, None]}}, hint="_id_") == 0
