from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.permissions import Role
from main import Runtime
from routes._kit.devices import COOKIE, HEADER
from services.accounts.documents import UserStatus
from tests.cast import PASSWORD
from tests.people import OTHER, WRONG, bearer, grown, log_in, place, refreshed
from utils.scope import Scope

HERE, STRANGER = "10.0.0.1", "10.66.0.1"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


def enter(
    app: Flask,
    username: str = "r1",
    token: str | None = None,
    *,
    password: str = PASSWORD,
    address: str = HERE,
    agent: str = FIREFOX,
) -> Any:
    """Log in by a program that keeps no cookies."""
    return app.test_client(use_cookies=False).post(
        "/auth/login",
        json={"username": username, "password": password},
        headers={"User-Agent": agent} | ({HEADER: token} if token else {}),
        environ_base={"REMOTE_ADDR": address},
    )


def token_of(app: Flask, username: str = "r1", **more: Any) -> str:
    reply = enter(app, username, **more)
    assert reply.status_code == 200, reply.get_json()
    return str(reply.get_json()["device_token"])


def inbox(db: Any, user_id: str) -> list[str]:
    rows = db.notifications.find({"user_id": user_id, "campus_id": {"$in": [None, "c"]}})
    return [row["title"] for row in rows]


def test_a_device_is_known_by_a_token_of_which_the_hash_is_kept(
    app: Flask, runtime: Runtime, db: Any
) -> None:
    user = grown(runtime, "r1")

    token = token_of(app)

    assert len(token) == 43
    assert enter(app, token=token).get_json()["device_token"] is None
    [kept] = db.users.find_one({"_id": user.id})["devices"]
    assert token not in str(kept)
    assert timedelta(days=89) < kept["expires_at"] - datetime.now(UTC) <= timedelta(days=90)


def test_a_browser_keeps_the_token_where_no_script_reads_it(client: FlaskClient, runtime: Runtime) -> None:
    grown(runtime, "r1")
    grown(runtime, "r2")

    reply = log_in(client, "r1")

    [cookie] = [value for value in reply.headers.getlist("Set-Cookie") if value.startswith(COOKIE)]
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} < set(cookie.split("; "))
    assert "Domain" not in cookie
    log_in(client, "r2")
    assert log_in(client, "r1").get_json()["device_token"] is None
    assert log_in(client, "r2").get_json()["device_token"] is None


@pytest.mark.usefixtures("long_waits")
@pytest.mark.parametrize("username", ["r1", "boss"])
def test_on_a_known_device_a_stranger_in_the_same_network_keeps_nobody_out(
    app: Flask, client: FlaskClient, runtime: Runtime, username: str
) -> None:
    grown(runtime, "r1")
    grown(runtime, "boss", Role.CAMPUS_ADMIN, campus_id="c")
    token = token_of(app, username)
    for _ in range(8):
        log_in(client, username, WRONG)

    assert enter(app, username).status_code == 429
    assert enter(app, username, token).status_code == 200
    assert enter(app, username, token, address=STRANGER).status_code == 200


@pytest.mark.usefixtures("long_waits")
def test_a_token_helps_with_its_own_account_and_no_other(app: Flask, runtime: Runtime) -> None:
    grown(runtime, "r1")
    grown(runtime, "r2")
    token = token_of(app, "r2")
    for _ in range(5):
        assert enter(app, "r1", token, password=WRONG).status_code == 401

    assert enter(app, "r1", token).status_code == 429
    assert enter(app, "r1", "x" * 43).status_code == 429
    assert enter(app, "r1", "\u00e9" * 300).status_code == 429


@pytest.mark.usefixtures("long_waits")
def test_a_known_device_has_its_own_five_tries(app: Flask, runtime: Runtime) -> None:
    grown(runtime, "r1")
    token = token_of(app)

    assert [enter(app, "r1", token, password=WRONG).status_code for _ in range(6)] == [401] * 5 + [429]
    assert enter(app, "r1").status_code == 200


def test_a_device_that_was_not_used_for_long_is_unknown(app: Flask, runtime: Runtime, db: Any) -> None:
    user = grown(runtime, "r1")
    token = token_of(app)
    db.users.update_one({"_id": user.id}, {"$set": {"devices.0.expires_at": datetime.now(UTC)}})

    assert enter(app, "r1", token).get_json()["device_token"] not in (None, token)
    assert len(db.users.find_one({"_id": user.id})["devices"]) == 1


def test_ten_devices_are_kept_those_used_last(app: Flask, runtime: Runtime, db: Any) -> None:
    user = grown(runtime, "r1")
    first, second = token_of(app), token_of(app)
    for _ in range(8):
        token_of(app)
    enter(app, token=first)
    token_of(app)

    assert len(db.users.find_one({"_id": user.id})["devices"]) == 10
    assert enter(app, token=first).get_json()["device_token"] is None
    assert enter(app, token=second).get_json()["device_token"] is not None


def test_another_password_leaves_the_device_on_which_it_was_chosen(
    app: Flask, client: FlaskClient, runtime: Runtime
) -> None:
    grown(runtime, "r1")
    mine, other = enter(app).get_json(), token_of(app)
    wish = {"current_password": PASSWORD, "new_password": OTHER}
    headers = bearer(mine["access_token"]) | {HEADER: mine["device_token"]}

    assert client.post("/auth/change_password", json=wish, headers=headers).status_code == 204

    assert enter(app, token=mine["device_token"], password=OTHER).get_json()["device_token"] is None
    assert enter(app, token=other, password=OTHER).get_json()["device_token"] is not None


def test_a_deactivated_account_forgets_its_devices(app: Flask, runtime: Runtime, db: Any) -> None:
    user = grown(runtime, "r1")
    token_of(app)

    for status in (UserStatus.DEACTIVATED, UserStatus.ACTIVE):
        runtime.services.accounts.set_status(Scope.everything(), user.id, status)

    assert db.users.find_one({"_id": user.id})["devices"] == []


def test_staff_are_told_of_a_new_device_but_for_the_first(
    app: Flask, runtime: Runtime, db: Any, at_rest: Any, outbox: Any
) -> None:
    campus = place(db, "North").id
    user = grown(runtime, "boss", Role.CAMPUS_ADMIN, campus_id=campus, email="boss@example.com")
    token = token_of(app, "boss")
    enter(app, "boss", token)
    at_rest()
    assert outbox() == []

    enter(app, "boss")
    at_rest()

    [mail] = outbox()
    assert mail["to"] == "boss@example.com"
    assert "Firefox on Windows" in mail["text"]
    [told] = db.notifications.find({"user_id": user.id, "campus_id": campus})
    assert "Firefox on Windows" in told["text"]
    [row] = db.audit.find({"action": "login.new_device", "campus_id": campus})
    assert (row["actor_id"], row["detail"]) == (user.id, {"device": "Firefox on Windows"})
    [job] = db.batch_jobs.find({"campus_id": None})
    assert job["type"] == "notice"


def test_a_student_is_told_in_the_inbox_only(
    app: Flask, runtime: Runtime, db: Any, at_rest: Any, outbox: Any
) -> None:
    campus = place(db, "North").id
    user = grown(runtime, "r1", campus_id=campus, email="r1@example.com", mobile_number="+919876543210")
    token_of(app)

    token_of(app, agent="Win a prize at http://evil.example now")
    at_rest()

    assert outbox() == []
    [told] = db.notifications.find({"user_id": user.id, "campus_id": campus})
    assert told["title"] == "A login on a device that we do not know"
    assert "with a program, which" in told["text"]
    assert db.batch_jobs.count_documents({"campus_id": None}) == 0


def test_a_refresh_token_that_comes_back_is_told_to_its_owner(
    app: Flask, client: FlaskClient, runtime: Runtime, db: Any, at_rest: Any, outbox: Any
) -> None:
    user = grown(runtime, "boss", Role.SUPERADMIN, email="boss@example.com")
    used = enter(app, "boss").get_json()["refresh_token"]
    assert refreshed(client, used).status_code == 200

    assert refreshed(client, used).get_json()["type"] == "/problems/token-reused"
    at_rest()

    [mail] = outbox()
    assert "came back from a program" in mail["text"]
    assert inbox(db, user.id) == ["One of your sessions was ended"]
    assert db.audit.count_documents({"action": "session.token_reused", "campus_id": None}) == 1


def test_nobody_is_flooded_with_notices(app: Flask, runtime: Runtime, db: Any, at_rest: Any) -> None:
    user = grown(runtime, "r1")
    for _ in range(9):
        token_of(app)
    at_rest()

    assert 3 <= len(inbox(db, user.id)) <= 5
    assert db.audit.count_documents({"action": "login.new_device", "campus_id": None}) == 8


def test_a_notice_that_is_begun_twice_is_told_once(
    app: Flask, runtime: Runtime, db: Any, at_rest: Any
) -> None:
    user = grown(runtime, "r1")
    token_of(app)
    token_of(app)
    at_rest()
    [job] = db.engine_jobs.find({"name": "accounts.notice"}).hint([("_id", 1)])

    again = {"state": "available", "run_at": datetime.now(UTC) - timedelta(hours=1)}
    db.engine_jobs.update_one({"_id": job["_id"]}, {"$set": again})
    at_rest()

    assert len(inbox(db, user.id)) == 1
