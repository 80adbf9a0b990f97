from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.permissions import Role
from main import Runtime
from tests.cast import Cast, Person
from tests.people import OTHER, Place, grown, invited, log_in, place

ADMINS = "/admin_management/admins"


@pytest.fixture
def north(db: Any) -> Place:
    return place(db, "North")


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


def test_a_changed_address_is_the_one_to_log_in_with(
    app: Flask, boss: Person, runtime: Runtime, north: Place
) -> None:
    user = grown(
        runtime,
        "asha",
        Role.CAMPUS_ADMIN,
        campus_id=north.id,
        email="old@example.com",
        mobile_number="+919876543210",
    )
    path = f"{ADMINS}/{user.id}"

    changed = boss.patch(path, {"email": "New@example.com", "mobile_number": "98765 43211", "name": "Asha R"})

    assert (changed["email"], changed["mobile_number"]) == ("new@example.com", "+919876543211")
    client = app.test_client()
    typed = ["old@example.com", "9876543210", "new@example.com", "9876543211", "asha"]
    assert [log_in(client, name).status_code for name in typed] == [401, 401, 200, 200, 200]
    assert boss.patch(path, {"mobile_number": None})["mobile_number"] is None
    assert log_in(client, "9876543211").status_code == 401
    boss.post(ADMINS, wish("superadmin", "next") | {"email": "old@example.com"})


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": None}, "/name"),
        ({"email": None}, "/email"),
        ({"course_ids": None}, "/course_ids"),
        ({"course_ids": ["x"]}, "/course_ids"),
        ({"role": "superadmin"}, "/role"),
        ({"campus_id": "x"}, "/campus_id"),
        ({"username": "x"}, "/username"),
        ({"permissions": {}}, "/permissions"),
        ({"mobile_number": "x"}, "/mobile_number"),
    ],
)
def test_what_cannot_be_changed_is_refused(
    boss: Person, northern: Person, body: dict[str, Any], pointer: str
) -> None:
    refused = boss.patch(f"{ADMINS}/{northern.id}", body, status=422)

    assert refused["errors"][0]["pointer"] == pointer


def test_a_stale_change_is_refused(boss: Person, northern: Person) -> None:
    path = f"{ADMINS}/{northern.id}"
    etag = boss.http.get(path).headers["ETag"]

    boss.patch(path, {"name": "First"}, headers={"If-Match": etag})
    boss.patch(path, {"name": "Second"}, status=412, headers={"If-Match": etag})

    assert boss.get(path)["name"] == "First"


def test_a_change_to_a_taken_address_changes_nothing(
    boss: Person, northern: Person, runtime: Runtime
) -> None:
    grown(runtime, "other", Role.SUPERADMIN, email="other@example.com")

    boss.patch(f"{ADMINS}/{northern.id}", {"email": "other@example.com", "name": "X"}, status=409)

    assert boss.get(f"{ADMINS}/{northern.id}")["email"] == "north@example.com"
    assert boss.get(f"{ADMINS}/{northern.id}")["name"] == "Asha Rao"


def test_changed_courses_hold_at_the_next_request(
    app: Flask, northern: Person, runtime: Runtime, north: Place
) -> None:
    first, second = north.course_ids
    user = grown(runtime, "c1", Role.COURSE_ADMIN, campus_id=north.id, course_ids=(first,))
    teacher = Person(app, "c1")
    assert teacher.get("/auth/me")["course_ids"] == [first]

    northern.patch(f"{ADMINS}/{user.id}", {"course_ids": [second, second]})

    actor = runtime.services.authentication.actor(session_of(runtime, user.id), user.id)
    assert actor is not None
    assert actor.course_ids == (second,)
    assert teacher.get("/auth/me")["course_ids"] == [second]


def session_of(runtime: Runtime, user_id: str) -> str:
    row = runtime.store.db.sessions.find_one({"user_id": user_id, "revoked_at": None})
    assert row is not None
    return str(row["_id"])


def test_a_deactivated_admin_is_out_at_once_and_can_come_back(
    app: Flask, boss: Person, runtime: Runtime, north: Place, cast: Cast, at_rest: Any
) -> None:
    user = grown(runtime, "c1", Role.COURSE_ADMIN, campus_id=north.id, email="c1@example.com")
    teacher, path = Person(app, "c1"), f"{ADMINS}/{user.id}"
    boss.post(f"{path}/send_credentials", status=202)
    at_rest()
    link = {"token": cast.token_for("c1@example.com"), "new_password": OTHER}
    teacher.get("/auth/me")

    out = boss.post(f"{path}/deactivate", status=200)

    assert out["status"] == "deactivated"
    teacher.get("/auth/me", status=401)
    assert log_in(app.test_client(), "c1").status_code == 401
    assert app.test_client().post("/auth/activate", json=link).status_code == 410
    assert boss.post(f"{path}/send_credentials", status=409)["type"] == "/problems/admin-is-deactivated"
    assert boss.post(f"{path}/reactivate", status=200)["status"] == "active"
    assert log_in(app.test_client(), "c1").status_code == 200
    teacher.get("/auth/me", status=401)


def test_who_never_had_a_password_is_invited_again(boss: Person, runtime: Runtime, north: Place) -> None:
    user = invited(runtime, "c1", Role.COURSE_ADMIN, campus_id=north.id)

    boss.post(f"{ADMINS}/{user.id}/deactivate", status=200)

    assert boss.post(f"{ADMINS}/{user.id}/reactivate", status=200)["status"] == "invited"


def test_a_removed_admin_leaves_nothing_that_lets_them_in(
    app: Flask, boss: Person, northern: Person, db: Any, runtime: Runtime, north: Place
) -> None:
    user = grown(runtime, "c1", Role.COURSE_ADMIN, campus_id=north.id, email="c1@example.com")
    teacher = Person(app, "c1")
    boss.post(f"{ADMINS}/{user.id}/send_credentials", status=202)

    boss.delete(f"{ADMINS}/{user.id}")

    teacher.get("/auth/me", status=401)
    boss.get(f"{ADMINS}/{user.id}", status=404)
    for name in ("login_identifiers", "sessions", "one_time_links"):
        assert db[name].count_documents({"user_id": user.id}) == 0
    boss.post(ADMINS, wish("course_admin", "c1", campus_id=north.id, course_ids=[north.course_ids[0]]))


@pytest.mark.parametrize("way", ["delete", "deactivate"])
def test_nobody_ends_their_own_account(boss: Person, runtime: Runtime, way: str) -> None:
    grown(runtime, "second", Role.SUPERADMIN)

    assert ended(boss, boss.id, way) == 409
    assert boss.get(f"{ADMINS}/{boss.id}")["status"] == "active"


@pytest.mark.parametrize("way", ["delete", "deactivate"])
def test_the_last_active_admin_of_a_campus_with_people_stays(
    boss: Person, northern: Person, runtime: Runtime, north: Place, way: str
) -> None:
    invited(runtime, "r1", campus_id=north.id)
    invited(runtime, "next", Role.CAMPUS_ADMIN, campus_id=north.id)
    assert ended(boss, northern.id, way) == 409

    grown(runtime, "active", Role.CAMPUS_ADMIN, campus_id=north.id)
    assert ended(boss, northern.id, way) in (200, 204)


def test_the_admin_of_an_empty_campus_can_go(boss: Person, northern: Person) -> None:
    boss.delete(f"{ADMINS}/{northern.id}")


def test_two_superadmins_cannot_remove_each_other(
    app: Flask, boss: Person, runtime: Runtime, db: Any
) -> None:
    grown(runtime, "second", Role.SUPERADMIN)
    second = Person(app, "second")

    with ThreadPoolExecutor(2) as pool:
        ways = [(boss, second.id), (second, boss.id)]
        statuses = sorted(pool.map(lambda way: ended(way[0], way[1], "deactivate"), ways))

    assert db.users.count_documents({"role": "superadmin", "status": "active"}) == 1
    assert statuses[0] == 200
    assert statuses[1] in (401, 409)


def test_campus_admins_of_one_campus_cannot_all_remove_each_other(
    app: Flask, runtime: Runtime, north: Place, db: Any
) -> None:
    invited(runtime, "r1", campus_id=north.id)
    names = ["a1", "a2", "a3", "a4"]
    users = [grown(runtime, name, Role.CAMPUS_ADMIN, campus_id=north.id) for name in names]
    people = [Person(app, name) for name in names]
    pairs = [(people[n], users[(n + 1) % 4].id) for n in range(4)]

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda pair: ended(pair[0], pair[1], "delete"), pairs))

    assert set(statuses) <= {204, 401, 404, 409}
    assert db.users.count_documents({"role": "campus_admin", "campus_id": north.id, "status": "active"}) >= 1


def ended(actor: Person, admin_id: str, way: str) -> int:
    """The status of the reply when one admin deletes or deactivates another."""
    path = f"{ADMINS}/{admin_id}"
    reply = actor.http.delete(path) if way == "delete" else actor.http.post(f"{path}/deactivate")
    return int(reply.status_code)


@pytest.mark.parametrize("of_a_campus", [True, False])
def test_an_evaluator_is_let_in_and_out_and_sees_nothing_yet(
    boss: Person, northern: Person, north: Place, cast: Cast, outbox: Any, at_rest: Any, of_a_campus: bool
) -> None:
    chief = northern if of_a_campus else boss
    made = chief.post(ADMINS, wish("evaluator", "marker", mobile_number="98765 43210"))
    at_rest()
    marker = cast.activated("marker", "marker@example.com")

    assert made["campus_id"] == (north.id if of_a_campus else None)
    assert sorted(message["to"] for message in outbox()) == ["+919876543210", "marker@example.com"]
    assert [row["id"] for row in chief.get(f"{ADMINS}?role=evaluator")["items"]] == [marker.id]
    assert (marker.get("/auth/me")["permissions"], marker.get("/auth/me")["features"]) == ([], ["dashboard"])
    for url in (ADMINS, "/student_management/students", "/campus_management/campuses"):
        marker.get(url, status=403)
    if not of_a_campus:
        northern.get(f"{ADMINS}/{marker.id}", status=404)
    chief.post(f"{ADMINS}/{marker.id}/deactivate", status=200)
    marker.get("/auth/me", status=401)
    chief.delete(f"{ADMINS}/{marker.id}")


def test_an_evaluator_has_no_courses(boss: Person, north: Place) -> None:
    wanted = wish("evaluator", "marker", campus_id=north.id, course_ids=north.course_ids)

    assert boss.post(ADMINS, wanted, status=422)["errors"][0]["pointer"] == "/course_ids"


def test_credentials_sent_again_end_the_older_link(
    boss: Person, north: Place, cast: Cast, at_rest: Any, client: FlaskClient
) -> None:
    made = boss.post(ADMINS, wish("campus_admin", "asha", campus_id=north.id))
    at_rest()
    older = cast.token_for("asha@example.com")

    job = boss.post(f"{ADMINS}/{made['id']}/send_credentials", status=202)
    at_rest()
    newer = cast.token_for("asha@example.com")

    assert (job["type"], job["total"]) == ("credentials", 1)
    assert boss.get(f"/batch_processing/jobs/{job['id']}")["state"] == "completed"
    tried = [
        client.post("/auth/activate", json={"token": token, "new_password": OTHER}).status_code
        for token in (older, newer)
    ]
    assert tried == [410, 204]
