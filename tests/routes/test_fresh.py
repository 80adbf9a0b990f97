"""Dangerous actions ask for somebody who has just proved who they are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.permissions import Role
from main import Runtime
from models import Actor
from routes._kit.openapi import declared
from services.accounts.principals import Principals
from tests.cast import PASSWORD, Cast, Person
from tests.people import WRONG, bearer, grown, log_in, place

# A route that joins or leaves this list is a decision: see ADR 29.
DANGEROUS = {
    "access_control.put_permissions",
    "access_control.reset_permissions",
    "admin_management.deactivate_admin",
    "admin_management.delete_admin",
    "admin_management.reset_second_factor",
    "admin_management.update_admin",
    "auth_totp.begin",
    "auth_totp.remove",
    "auth_totp.renew_recovery_codes",
    "student_management.anonymise_student",
    "student_management.bulk_delete",
    "student_management.export_student",
    "student_management.reset_second_factor",
}
STALE = "/problems/fresh-authentication-required"


def forget_proof(db: Any, token_owner: str, **ago: int) -> None:
    """Let the person have logged in so long ago."""
    then = datetime.now(UTC) - timedelta(**ago)
    db.sessions.update_many({"user_id": token_owner}, {"$set": {"created_at": then, "proved_at": then}})


@pytest.fixture
def stale(cast: Cast, db: Any, runtime: Runtime) -> Person:
    """A superadmin who logged in a quarter of an hour ago."""
    boss = cast.superadmin
    forget_proof(db, boss.id, seconds=901)
    runtime.services.authentication._principals.changed(boss.id)
    return boss


def test_the_dangerous_routes_are_those_that_were_decided(app: Flask) -> None:
    assert {rule.endpoint for rule, spec in declared(app) if spec.fresh} == DANGEROUS


def test_every_dangerous_route_refuses_whoever_proved_it_too_long_ago(stale: Person, app: Flask) -> None:
    urls = app.url_map.bind("localhost")
    for rule, spec in declared(app):
        if not spec.fresh:
            continue
        path = urls.build(rule.endpoint, dict.fromkeys(rule.arguments, "0123456789abcdef01234567"))

        reply = stale.http.open(path, method=spec.method)

        assert (reply.status_code, reply.get_json()["type"]) == (403, STALE), rule.endpoint


def test_whoever_may_not_do_it_is_not_asked_for_a_password(client: FlaskClient, runtime: Runtime) -> None:
    grown(runtime, "r1")
    headers = bearer(log_in(client, "r1").get_json()["access_token"])

    reply = client.post("/student_management/students/bulk_delete", json={"ids": ["x"]}, headers=headers)

    assert reply.get_json()["type"] == "/problems/forbidden"


def test_the_password_opens_the_way_for_a_while(stale: Person, db: Any, runtime: Runtime) -> None:
    victim = grown(runtime, "old.admin", Role.CAMPUS_ADMIN, campus_id=None)
    path = f"/admin_management/admins/{victim.id}"
    assert stale.patch(path, {"name": "New Name"}, status=403)["type"] == STALE

    stale.post("/auth/confirm", {"password": PASSWORD}, status=204)

    assert stale.patch(path, {"name": "New Name"})["name"] == "New Name"
    forget_proof(db, stale.id, seconds=890)
    assert stale.patch(path, {"name": "Newer Name"})["name"] == "Newer Name"


@pytest.mark.parametrize("role", ["superadmin", "sub_superadmin"])
def test_whoever_appoints_for_the_whole_platform_proves_who_they_are(
    stale: Person, role: str, db: Any
) -> None:
    wanted = {"role": role, "name": "New Boss", "username": "newcomer", "email": "newcomer@example.com"}
    headers = {"Idempotency-Key": "k1"}
    refused = stale.post("/admin_management/admins", wanted, status=403, headers=headers)
    assert (refused["type"], db.users.count_documents({"username": "newcomer"})) == (STALE, 0)

    stale.post("/auth/confirm", {"password": PASSWORD}, status=204)

    assert stale.post("/admin_management/admins", wanted, headers=headers)["role"] == role


def test_whoever_appoints_at_a_campus_is_not_asked(stale: Person, db: Any) -> None:
    wanted = {"role": "campus_admin", "name": "New Admin", "username": "newcomer", "email": "n@example.com"}

    stale.post("/admin_management/admins", wanted | {"campus_id": place(db, "North").id})


def test_whoever_may_not_appoint_for_the_platform_is_not_asked_either(
    app: Flask, runtime: Runtime, db: Any
) -> None:
    user = grown(runtime, "north.admin", Role.CAMPUS_ADMIN, campus_id=place(db, "North").id)
    admin = Person(app, "north.admin")
    forget_proof(db, user.id, seconds=901)
    runtime.services.authentication._principals.changed(user.id)
    wanted = {"role": "superadmin", "name": "Me Too", "username": "mine", "email": "mine@example.com"}

    refused = admin.post("/admin_management/admins", wanted, status=403)

    assert refused["type"] == "/problems/beyond-your-rights"


def test_a_renewed_token_is_not_a_proof(stale: Person, app: Flask) -> None:
    client = app.test_client()
    pair = client.post("/auth/refresh", json={"refresh_token": stale.login["refresh_token"]}).get_json()

    reply = client.delete("/admin_management/admins/x", headers=bearer(pair["access_token"]))

    assert reply.get_json()["type"] == STALE


def test_a_proof_is_of_one_session(stale: Person, app: Flask) -> None:
    Person(app, "root").post("/auth/confirm", {"password": PASSWORD}, status=204)

    assert stale.delete("/admin_management/admins/x", status=403)["type"] == STALE


@pytest.mark.usefixtures("long_waits")
def test_a_wrong_password_proves_nothing_and_is_counted(stale: Person) -> None:
    replies = [stale.http.post("/auth/confirm", json={"password": WRONG}) for _ in range(6)]

    assert [reply.status_code for reply in replies] == [422] * 5 + [429]
    assert replies[0].get_json()["errors"][0]["pointer"] == "/password"
    assert stale.delete("/admin_management/admins/x", status=403)["type"] == STALE


def test_what_was_proved_to_another_process_counts_though_nobody_told_of_it(
    stale: Person, db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale.delete("/admin_management/admins/x", status=403)
    db.sessions.update_many({"user_id": stale.id}, {"$set": {"proved_at": datetime.now(UTC)}})

    stale.delete("/admin_management/admins/x", status=404)


def test_that_a_proof_grows_old_does_not_drop_a_socket(holder: tuple[Principals, str, str], db: Any) -> None:
    principals, session_id, user_id = holder
    before = principals.of(session_id, user_id, anew=True)
    forget_proof(db, user_id, hours=1)

    after = principals.of(session_id, user_id, anew=True)

    assert isinstance(before, Actor)
    assert isinstance(after, Actor)
    assert (before.fresh, after.fresh) == (True, False)
    assert before == after


@pytest.fixture
def holder(runtime: Runtime, client: FlaskClient, db: Any) -> tuple[Principals, str, str]:
    """Who remembers people, and the session and the id of one of them."""
    user = grown(runtime, "r1")
    log_in(client, "r1")
    session = db.sessions.find_one({"user_id": user.id})
    return runtime.services.authentication._principals, session["_id"], user.id
