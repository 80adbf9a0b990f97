from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from config.features import ALWAYS_ON, FEATURES, OF_ADMINS, OF_STUDENTS, SWITCHABLE, Feature, feature_of
from config.permissions import GRANTS, MOST, Permission, Role
from main import Runtime
from models import Actor
from routes._kit.openapi import declared
from routes.live import WATCHABLE
from tests.cast import Cast, Person
from tests.clients import pointers
from tests.people import Place, grown, place

FEATURES_URL = "/global_settings/features"
OFF = "/problems/feature-switched-off"
ADMIN_FEATURES = sorted(FEATURES[Role.CAMPUS_ADMIN] - {Feature.DASHBOARD})


@pytest.fixture
def north(db: Any) -> Place:
    return place(db, "North")


@pytest.fixture
def boss(cast: Cast) -> Person:
    return cast.superadmin


@pytest.fixture
def chief(app: Flask, runtime: Runtime, north: Place) -> Person:
    grown(runtime, "chief", Role.CAMPUS_ADMIN, campus_id=north.id)
    return Person(app, "chief")


@pytest.fixture(autouse=True)
def nothing_stays_off(runtime: Runtime) -> Iterator[None]:
    """What this process knows of the switches is forgotten with them."""
    yield
    runtime.bus.publish("features.changed", {})


def switch(person: Person, role: Role, status: int = 200, /, **features: Any) -> Any:
    return person.patch(f"{FEATURES_URL}/{role}", {"features": features}, status=status)


def test_the_features_of_the_product_are_there() -> None:
    of_students = "online_tests practice_tests progress_tracking test_history forms profile dashboard"
    of_admins = "student_management test_management batch_management results reports forms dashboard"

    assert FEATURES[Role.STUDENT] == set(of_students.split())
    assert {FEATURES[role] for role in SWITCHABLE[:3]} == {frozenset(of_admins.split())}


def test_every_permission_belongs_to_a_feature_or_to_a_stated_exception() -> None:
    untied = {
        permission
        for permission in Permission
        if feature_of(Role.CAMPUS_ADMIN, permission) is None
        and permission not in ALWAYS_ON
        and permission.module not in ALWAYS_ON
    }
    twice = {permission for permission in Permission if permission.module in {*OF_ADMINS} & {*ALWAYS_ON}}

    assert untied == twice == set()
    of_nothing = {one for one in MOST[Role.STUDENT] if feature_of(Role.STUDENT, one) is None}
    assert of_nothing == {Permission.DASHBOARD_READ}  # it cannot be switched off
    assert set(OF_STUDENTS.values()) | {Feature.DASHBOARD} == FEATURES[Role.STUDENT]


@pytest.mark.parametrize("feature", ADMIN_FEATURES)
def test_a_feature_that_is_off_is_off_on_each_of_its_routes_and_no_other(
    app: Flask, boss: Person, chief: Person, feature: Feature
) -> None:
    urls = app.url_map.bind("localhost")
    switch(boss, Role.CAMPUS_ADMIN, **{feature: False})

    for rule, spec in declared(app):
        if isinstance(spec.access, Permission) and spec.access in GRANTS[Role.CAMPUS_ADMIN]:
            url = urls.build(rule.endpoint, dict.fromkeys(rule.arguments, "1"), spec.method)
            told = chief.http.open(url, method=spec.method).get_json(silent=True) or {}
            off = feature_of(Role.CAMPUS_ADMIN, spec.access) is feature
            assert (told.get("type") == OFF) == off, rule
            assert told.get("feature") == (feature if off else None)


def test_a_switch_acts_at_once_and_is_seen_by_whom_it_concerns(boss: Person, chief: Person) -> None:
    chief.get("/student_management/students")

    shown = switch(boss, Role.CAMPUS_ADMIN, student_management=False)

    assert (shown["features"]["student_management"], shown["features"]["forms"]) == (False, True)
    refused = chief.get("/student_management/students", status=403)
    assert (refused["type"], refused["feature"]) == (OFF, "student_management")
    boss.get("/student_management/students")
    me = chief.get("/auth/me")
    assert "student_management" not in me["features"]
    assert "dashboard" in me["features"]
    assert not [name for name in me["permissions"] if name.startswith("student_management:")]
    assert chief.get("/admin_management/admins")["items"]

    switch(boss, Role.CAMPUS_ADMIN, student_management=True)
    chief.get("/student_management/students")


def test_a_room_of_a_feature_that_is_off_is_closed(
    app: Flask, boss: Person, chief: Person, runtime: Runtime
) -> None:
    socket = runtime.socketio.test_client(app, auth={"token": chief.token})
    switch(boss, Role.CAMPUS_ADMIN, student_management=False)

    late = runtime.socketio.test_client(app, auth={"token": chief.token})
    told = late.emit("watch", {"import_id": "x"}, callback=True)
    runtime.sockets.drop_stale()

    assert WATCHABLE["import_id"].permission == Permission.IMPORT_READ
    assert told["type"] == OFF
    assert not socket.is_connected()
    assert late.is_connected()


def test_a_switch_is_audited_once(boss: Person, db: Any) -> None:
    for _ in range(2):
        switch(boss, Role.STUDENT, forms=False, profile=True)

    [row] = db.audit.find({"action": "features.switched", "campus_id": None})
    assert (row["actor_id"], row["target"]) == (boss.id, "role:student")
    assert row["detail"] == {"off": ["forms"], "on": []}
    assert boss.get(f"{FEATURES_URL}/student")["revision"] == 1


@pytest.mark.parametrize(
    ("role", "body"),
    [
        (Role.STUDENT, {"features": {"dashboard": False}}),
        (Role.COURSE_ADMIN, {"features": {"dashboard": False}}),
        (Role.STUDENT, {"features": {"reports": False}}),
        (Role.CAMPUS_ADMIN, {"features": {"profile": False}}),
        (Role.STUDENT, {"features": {}}),
        (Role.STUDENT, {"features": ["forms"]}),
    ],
)
def test_what_cannot_be_switched_is_refused(boss: Person, role: Role, body: Any) -> None:
    assert pointers(boss.patch(f"{FEATURES_URL}/{role}", body, status=422)) == ["/features"]
    assert all(boss.get(f"{FEATURES_URL}/{role}")["features"].values())


@pytest.mark.parametrize("features", [{"all": False}, {"forms": "off"}, {"forms": None}])
def test_nonsense_is_refused(boss: Person, features: Any) -> None:
    assert pointers(switch(boss, Role.STUDENT, 422, **features))[0].startswith("/features/")


@pytest.mark.parametrize("role", ["superadmin", "evaluator", "nobody"])
def test_other_roles_have_nothing_to_switch(boss: Person, role: str) -> None:
    boss.get(f"{FEATURES_URL}/{role}", status=404)
    boss.patch(f"{FEATURES_URL}/{role}", {"features": {"forms": False}}, status=404)


def test_a_stale_switch_is_refused(boss: Person) -> None:
    url = f"{FEATURES_URL}/student"
    etag = boss.http.get(url).headers["ETag"]

    boss.patch(url, {"features": {"forms": False}}, headers={"If-Match": etag})
    boss.patch(url, {"features": {"profile": False}}, status=412, headers={"If-Match": etag})


def test_a_sub_superadmin_switches_for_those_below(
    app: Flask, boss: Person, chief: Person, runtime: Runtime
) -> None:
    grown(runtime, "sub", Role.SUB_SUPERADMIN, modules={"global_settings": "write"})
    sub = Person(app, "sub")

    switch(sub, Role.COURSE_ADMIN, forms=False)
    refused = switch(sub, Role.SUB_SUPERADMIN, 403, forms=False)

    assert refused["type"] == "/problems/beyond-your-rights"
    assert {row["role"] for row in sub.get(FEATURES_URL)["items"]} == set(SWITCHABLE)
    chief.get(FEATURES_URL, status=403)
    switch(chief, Role.STUDENT, 403, forms=False)


def test_a_superadmin_has_everything_whatever_is_stored() -> None:
    everything = frozenset(Feature)

    assert [
        permission
        for permission in Permission
        if Actor("a", Role.SUPERADMIN, "A", "a", None, off=everything).switched_off(permission)
    ] == []
