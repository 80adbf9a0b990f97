from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.permissions import Role
from main import Runtime
from tests.cast import PASSWORD
from tests.people import OTHER, WRONG, bearer, grown, log_in, refreshed


def test_a_changed_password_ends_the_other_sessions(client: FlaskClient, runtime: Runtime, db: Any) -> None:
    user = grown(runtime, "r1")
    here, there = log_in(client, "r1").get_json(), log_in(client, "r1").get_json()
    wish = {"current_password": PASSWORD, "new_password": OTHER}

    reply = client.post("/auth/change_password", json=wish, headers=bearer(here["access_token"]))

    assert (reply.status_code, reply.get_data()) == (204, b"")
    assert client.get("/auth/me", headers=bearer(here["access_token"])).status_code == 200
    assert client.get("/auth/me", headers=bearer(there["access_token"])).status_code == 401
    assert refreshed(client, there["refresh_token"]).status_code == 401
    assert [log_in(client, "r1").status_code, log_in(client, "r1", OTHER).status_code] == [401, 200]
    assert db.audit.count_documents({"action": "password.changed", "target": f"user:{user.id}"}) == 1


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"current_password": WRONG, "new_password": OTHER}, "/current_password"),
        ({"current_password": PASSWORD, "new_password": "too short"}, "/new_password"),
        ({"current_password": PASSWORD, "new_password": PASSWORD}, "/new_password"),
        ({"current_password": PASSWORD, "new_password": "Asha Rao 2024"}, "/new_password"),
        ({"current_password": PASSWORD, "new_password": OTHER, "role": "superadmin"}, "/role"),
        ({"new_password": OTHER}, "/current_password"),
    ],
)
def test_a_password_that_cannot_be_set_names_the_field(
    client: FlaskClient, runtime: Runtime, wish: dict[str, str], pointer: str
) -> None:
    grown(runtime, "r1")
    token = log_in(client, "r1").get_json()["access_token"]

    reply = client.post("/auth/change_password", json=wish, headers=bearer(token))

    assert (reply.status_code, reply.get_json()["errors"][0]["pointer"]) == (422, pointer)
    assert log_in(client, "r1").status_code == 200


@pytest.mark.usefixtures("long_waits")
def test_guessing_the_current_password_counts_like_a_login(client: FlaskClient, runtime: Runtime) -> None:
    grown(runtime, "r1")
    headers = bearer(log_in(client, "r1").get_json()["access_token"])
    wish = {"current_password": WRONG, "new_password": OTHER}

    here = {"REMOTE_ADDR": "10.0.0.1"}
    replies = [
        client.post("/auth/change_password", json=wish, headers=headers, environ_base=here) for _ in range(6)
    ]

    assert [reply.status_code for reply in replies] == [422] * 5 + [429]
    assert log_in(client, "r1").status_code == 429


def test_a_password_that_others_know_has_to_be_changed_first(
    client: FlaskClient, runtime: Runtime, db: Any
) -> None:
    user = grown(runtime, "boss", Role.SUPERADMIN)
    db.users.update_one({"_id": user.id}, {"$set": {"must_change_password": True}})
    login = log_in(client, "boss").get_json()
    headers = bearer(login["access_token"])

    refused = client.get("/admin_management/admins", headers=headers)
    me = client.get("/auth/me", headers=headers)
    wish = {"current_password": PASSWORD, "new_password": OTHER}
    changed = client.post("/auth/change_password", json=wish, headers=headers)

    assert login["user"]["must_change_password"] is True
    assert (refused.status_code, refused.get_json()["type"]) == (403, "/problems/password-change-required")
    assert (me.status_code, changed.status_code) == (200, 204)
    assert client.get("/admin_management/admins", headers=headers).status_code == 200


def test_of_two_changes_at_once_one_holds(app: Flask, runtime: Runtime) -> None:
    grown(runtime, "r1")
    tokens = [log_in(app.test_client(), "r1").get_json()["access_token"] for _ in range(2)]

    def change(number: int) -> int:
        wish = {"current_password": PASSWORD, "new_password": f"{OTHER} {number}"}
        headers = bearer(tokens[number])
        return app.test_client().post("/auth/change_password", json=wish, headers=headers).status_code

    with ThreadPoolExecutor(2) as pool:
        statuses = list(pool.map(change, range(2)))

    assert statuses.count(204) == 1
    assert {status for status in statuses if status != 204} <= {401, 409, 422}
    winner = f"{OTHER} {statuses.index(204)}"
    assert log_in(app.test_client(), "r1", winner).status_code == 200
