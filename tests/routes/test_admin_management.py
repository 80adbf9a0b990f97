from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from config.permissions import Role
from main import Runtime
from tests.cast import PASSWORD, Cast, Person
from tests.people import Place, bearer, grown, invited, place, wide

ADMINS = "/admin_management/admins"


@pytest.fixture
def north(db: Any) -> Place:
    return place(db, "North")


@pytest.fixture
def south(db: Any) -> Place:
    return place(db, "South")


@pytest.fixture
def boss(cast: Cast) -> Person:
    return cast.superadmin


@pytest.fixture
def northern(app: Flask, runtime: Runtime, north: Place) -> Person:
    grown(runtime, "north.admin", Role.CAMPUS_ADMIN, campus_id=north.id, email="north@example.com")
    return Person(app, "north.admin")


def wish(role: str, username: str, **more: Any) -> dict[str, Any]:
    name = more.pop("name", f"Admin {username}")
    return {"role": role, "name": name, "username": username, "email": f"{username}@example.com", **more}


def test_a_new_admin_gets_a_message_and_sets_a_password(
    boss: Person, north: Place, cast: Cast, outbox: Any, at_rest: Any, db: Any
) -> None:
    wanted = wish("campus_admin", "Asha.Rao", campus_id=north.id, mobile_number="98765 43210")

    made = boss.post(ADMINS, wanted)
    at_rest()
    asha = cast.activated("asha.rao", "asha.rao@example.com")

    assert (made["username"], made["status"]) == ("asha.rao", "invited")
    assert (made["mobile_number"], made["campus_id"]) == ("+919876543210", north.id)
    assert sorted(message["to"] for message in outbox()) == ["+919876543210", "asha.rao@example.com"]
    assert all("http://versant.test/activate?token=" in message["text"] for message in outbox())
    assert asha.login["user"]["campus_id"] == north.id
    assert boss.get(f"{ADMINS}/{made['id']}")["status"] == "active"
    assert not {"password_hash", "ver", "token", "nonce"} & set(made)
    rows = list(db.audit.find({"action": "admin.created", "campus_id": north.id}))
    assert [(row["actor_id"], row["target"]) for row in rows] == [(boss.id, f"admin:{made['id']}")]
    assert "example.com" not in str(rows)


def test_an_appointment_is_made_once_per_key(boss: Person, north: Place, outbox: Any, at_rest: Any) -> None:
    wanted, headers = wish("campus_admin", "asha", campus_id=north.id), {"Idempotency-Key": "k1"}

    first, again = (boss.post(ADMINS, wanted, headers=headers) for _ in range(2))
    at_rest()

    assert first == again
    assert len(outbox()) == 1


def test_a_campus_admin_appoints_at_the_own_campus(northern: Person, north: Place) -> None:
    made = northern.post(ADMINS, wish("course_admin", "c1", course_ids=[north.course_ids[0]]))

    assert (made["campus_id"], made["course_ids"]) == (north.id, [north.course_ids[0]])


def test_foreign_missing_and_malformed_places_are_the_same(
    northern: Person, north: Place, south: Place
) -> None:
    def refused(**where: Any) -> Any:
        body = northern.post(ADMINS, wish("course_admin", "c1", **where), status=404)
        return {key: value for key, value in body.items() if key != "instance"}

    answers = [
        refused(campus_id=south.id, course_ids=[south.course_ids[0]]),
        refused(campus_id="f" * 24, course_ids=[north.course_ids[0]]),
        refused(campus_id="$ne", course_ids=[north.course_ids[0]]),
        refused(campus_id=north.id, course_ids=[north.course_ids[0], south.course_ids[0]]),
        refused(course_ids=["../.."]),
    ]

    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize(
    ("role", "more", "pointer"),
    [
        ("campus_admin", {}, "/campus_id"),
        ("superadmin", {"campus_id": "c"}, "/campus_id"),
        ("superadmin", {"course_ids": ["c"]}, "/course_ids"),
        ("superadmin", {"permissions": {"batch_management": "read"}}, "/permissions"),
        ("sub_superadmin", {"permissions": {"everything": "write"}}, "/permissions"),
        ("sub_superadmin", {"permissions": {"batch_management": "own"}}, "/permissions/batch_management"),
        ("superadmin", {"name": "=1+1"}, "/name"),
        ("superadmin", {"email": "not an address"}, "/email"),
        ("superadmin", {"email": None}, "/email"),
        ("superadmin", {"mobile_number": "12"}, "/mobile_number"),
        ("superadmin", {"username": "a b"}, "/username"),
        ("superadmin", {"username": "\u0430dmin"}, "/username"),
        ("superadmin", {"password": PASSWORD}, "/password"),
        ("superadmin", {"status": "active"}, "/status"),
        ("nobody", {}, "/role"),
    ],
)
def test_a_wrong_wish_names_the_field(boss: Person, role: str, more: dict[str, Any], pointer: str) -> None:
    refused = boss.post(ADMINS, wish(role, "asha") | more, status=422)

    assert [fault["pointer"] for fault in refused["errors"]] == [pointer]


def test_a_course_admin_needs_a_course(northern: Person) -> None:
    refused = northern.post(ADMINS, wish("course_admin", "c1"), status=422)

    assert refused["errors"][0]["pointer"] == "/course_ids"


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"username": " ASHA "}, "/username"),
        ({"username": wide("asha")}, "/username"),
        ({"username": "9876543210"}, "/username"),
        ({"email": "Asha@Example.com"}, "/email"),
        ({"mobile_number": "+91-98765-43210"}, "/mobile_number"),
    ],
)
def test_what_somebody_has_cannot_be_taken(
    boss: Person, runtime: Runtime, more: dict[str, Any], pointer: str, db: Any
) -> None:
    owner = grown(runtime, "asha", Role.SUPERADMIN, email="asha@example.com", mobile_number="+919876543210")
    before = db.users.count_documents({"username": {"$gt": ""}})

    refused = boss.post(ADMINS, wish("superadmin", "other") | more, status=409)

    assert refused["type"] == "/problems/already-in-use"
    assert [fault["pointer"] for fault in refused["errors"]] == [pointer]
    assert owner.id not in str(refused)
    assert db.users.count_documents({"username": {"$gt": ""}}) == before


def test_of_two_who_take_a_name_at_once_one_gets_it(boss: Person, app: Flask) -> None:
    def appoint(number: int) -> int:
        wanted = wish("superadmin", "asha") | {"email": f"a{number}@example.com"}
        return int(app.test_client().post(ADMINS, json=wanted, headers=bearer(boss.token)).status_code)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(appoint, range(6))) == [201] + [409] * 5


@pytest.mark.parametrize("role", ["superadmin", "sub_superadmin"])
def test_nobody_appoints_above_themselves(northern: Person, role: str) -> None:
    refused = northern.post(ADMINS, wish(role, "asha"), status=403)

    assert refused["type"] == "/problems/beyond-your-rights"


def test_a_sub_superadmin_gives_no_rights_that_they_lack(app: Flask, runtime: Runtime, north: Place) -> None:
    grown(runtime, "sub", Role.SUB_SUPERADMIN, modules={"access_control": "write"})
    sub = Person(app, "sub")
    victim = invited(runtime, "victim", Role.CAMPUS_ADMIN, campus_id=north.id, email="v@example.com")

    sub.post(ADMINS, wish("campus_admin", "puppet", campus_id=north.id), status=403)
    sub.patch(f"{ADMINS}/{victim.id}", {"email": "mine@example.com"}, status=403)
    sub.post(f"{ADMINS}/{victim.id}/send_credentials", status=403)
    sub.get(f"{ADMINS}/{victim.id}")


def test_a_sub_superadmin_acts_by_module(app: Flask, boss: Person, cast: Cast) -> None:
    wanted = wish("sub_superadmin", "sub", permissions={"access_control": "read"})
    made = boss.post(ADMINS, wanted)
    sub = cast.activated("sub", "sub@example.com")

    assert made["permissions"] == {"access_control": "read"}
    assert [row["username"] for row in sub.get(ADMINS)["items"]] == ["sub", "root"]
    sub.post(ADMINS, wish("campus_admin", "x"), status=403)


@pytest.mark.parametrize("role", [Role.COURSE_ADMIN, Role.EVALUATOR, Role.STUDENT])
def test_other_roles_have_no_business_here(app: Flask, runtime: Runtime, north: Place, role: Role) -> None:
    user = grown(runtime, "somebody", role, campus_id=north.id, course_ids=north.course_ids)
    somebody = Person(app, "somebody")

    somebody.get(ADMINS, status=403)
    somebody.get(f"{ADMINS}/{user.id}", status=403)
    somebody.post(ADMINS, wish("course_admin", "x"), status=403)
    somebody.delete(f"{ADMINS}/{user.id}", status=403)


def test_admins_of_another_campus_students_and_nobody_are_the_same(
    northern: Person, runtime: Runtime, north: Place, south: Place, boss: Person
) -> None:
    foreign = grown(runtime, "south.admin", Role.CAMPUS_ADMIN, campus_id=south.id, email="s@example.com")
    student = invited(runtime, "r1", campus_id=north.id)
    answers = []
    for admin_id in (foreign.id, student.id, boss.id, "f" * 24, "$ne"):
        path = f"{ADMINS}/{admin_id}"
        answers += [
            northern.get(path, status=404),
            northern.patch(path, {"name": "Mine"}, status=404),
            northern.delete(path, status=404),
            northern.post(f"{path}/deactivate", status=404),
            northern.post(f"{path}/reactivate", status=404),
            northern.post(f"{path}/send_credentials", status=404),
        ]

    assert all({**answer, "instance": ""} == {**answers[0], "instance": ""} for answer in answers)


def test_a_list_shows_the_admins_of_the_scope_by_name_page_by_page(
    northern: Person, runtime: Runtime, north: Place, south: Place, boss: Person
) -> None:
    for number in range(5):
        name = f"Name {9 - number}"
        course = {"campus_id": north.id, "course_ids": north.course_ids[:1]}
        invited(runtime, f"c{number}", Role.COURSE_ADMIN, name=name, **course)
    invited(runtime, "south.admin", Role.CAMPUS_ADMIN, campus_id=south.id)
    invited(runtime, "r1", campus_id=north.id, name="A Student")

    first = northern.get(f"{ADMINS}?limit=4")
    second = northern.get(f"{ADMINS}?limit=4&cursor={first['next_cursor']}")
    names = [row["name"] for row in first["items"] + second["items"]]

    assert names == ["Asha Rao", *[f"Name {number}" for number in range(5, 10)]]
    assert second["next_cursor"] is None
    assert northern.get(f"{ADMINS}?sort=-name&limit=1")["items"][0]["name"] == "Name 9"
    assert len(northern.get(f"{ADMINS}?role=course_admin")["items"]) == 5
    assert len(northern.get(f"{ADMINS}?status=active")["items"]) == 1
    assert northern.get(f"{ADMINS}?role=student")["items"] == []
    assert northern.get(f"{ADMINS}?campus_id={south.id}")["items"] == []
    assert len(boss.get(f"{ADMINS}?campus_id={south.id}")["items"]) == 1
    assert len(boss.get(ADMINS)["items"]) == 8
