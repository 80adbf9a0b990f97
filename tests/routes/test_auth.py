import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from config.permissions import Role
from main import Runtime
from services.accounts.passwords import Passwords
from tests.cast import PASSWORD
from tests.people import WRONG, bearer, grown, invited, log_in, place, refreshed, told, wide
from utils.offload import Offload


def test_a_login_answers_as_the_contract_says(client: FlaskClient, runtime: Runtime, db: Any) -> None:
    campus = place(db, "North")
    user = grown(runtime, "21/cs/045", campus_id=campus.id, course_ids=campus.course_ids)

    reply = log_in(client, " 21/CS/045 ")

    body = reply.get_json()
    assert reply.status_code == 200
    assert set(body) == {"access_token", "refresh_token", "token_type", "expires_in", "user", "device_token"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", runtime.settings.access_token_seconds)
    assert body["user"] == {
        "id": user.id,
        "username": "21/cs/045",
        "name": "Asha Rao",
        "role": "student",
        "campus_id": campus.id,
        "course_ids": list(campus.course_ids),
        "must_change_password": False,
    }
    assert reply.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "typed",
    ["boss", "BOSS", wide("boss"), "98765 43210", "+91 98765-43210", "Boss@Example.com"],
)
def test_staff_log_in_by_username_mobile_or_email(client: FlaskClient, runtime: Runtime, typed: str) -> None:
    grown(
        runtime,
        "boss",
        Role.CAMPUS_ADMIN,
        campus_id="c",
        email="boss@example.com",
        mobile_number="+919876543210",
    )

    assert log_in(client, typed).status_code == 200


def test_a_students_email_logs_in_only_while_nobody_shares_it(client: FlaskClient, runtime: Runtime) -> None:
    grown(runtime, "r1", email="family@example.com")

    assert log_in(client, "family@example.com").status_code == 200

    grown(runtime, "r2", email="family@example.com")
    assert log_in(client, "family@example.com").status_code == 401


def test_a_staff_email_is_not_shadowed_by_a_student_who_gives_the_same(
    client: FlaskClient, runtime: Runtime
) -> None:
    boss = grown(runtime, "boss", Role.CAMPUS_ADMIN, campus_id="c", email="boss@example.com")
    grown(runtime, "r1", email="boss@example.com")

    assert log_in(client, "boss@example.com").get_json()["user"]["id"] == boss.id


def test_whatever_is_wrong_the_answer_is_the_same(client: FlaskClient, runtime: Runtime, db: Any) -> None:
    grown(runtime, "active")
    invited(runtime, "invited")
    gone = grown(runtime, "gone")
    db.users.update_one({"_id": gone.id}, {"$set": {"status": "deactivated"}})

    answers = [
        log_in(client, "nobody"),
        log_in(client, "no such name at all!"),
        log_in(client, "active", WRONG),
        log_in(client, "active", "x" * 1000),
        log_in(client, "invited"),
        log_in(client, "gone"),
    ]

    first = told(answers[0])
    assert first[0] == 401
    assert first[1]["type"] == "/problems/login-failed"
    assert all(told(answer) == first for answer in answers)


@pytest.mark.parametrize("value", [{"$ne": None}, {"$gt": ""}, ["a"], 1, None, True, ""])
@pytest.mark.parametrize("field", ["username", "password"])
def test_only_text_is_taken(client: FlaskClient, field: str, value: Any) -> None:
    body = {"username": "a", "password": "b", field: value}

    assert client.post("/auth/login", json=body).status_code == 422


def test_the_password_is_compared_in_its_normal_form(client: FlaskClient, runtime: Runtime) -> None:
    grown(runtime, "r1")

    assert log_in(client, "r1", wide(PASSWORD)).status_code == 200


def test_a_hash_of_another_cost_is_renewed_at_login(client: FlaskClient, runtime: Runtime, db: Any) -> None:
    user = grown(runtime, "r1")
    dearer = Passwords(runtime.settings.model_copy(update={"bcrypt_rounds": 5}), Offload(1, 1))
    db.users.update_one({"_id": user.id}, {"$set": {"password_hash": dearer.hash(PASSWORD)}})

    assert log_in(client, "r1").status_code == 200
    assert db.users.find_one({"_id": user.id})["password_hash"].startswith("$2b$04$")
    assert log_in(client, "r1").status_code == 200


def test_a_refresh_gives_a_new_pair(client: FlaskClient, runtime: Runtime) -> None:
    grown(runtime, "r1")
    first = log_in(client, "r1").get_json()

    second = refreshed(client, first["refresh_token"])

    assert second.status_code == 200
    assert set(second.get_json()) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert second.get_json()["refresh_token"] != first["refresh_token"]
    assert client.get("/auth/me", headers=bearer(second.get_json()["access_token"])).status_code == 200


def test_a_used_refresh_token_ends_its_family(client: FlaskClient, runtime: Runtime, db: Any) -> None:
    user = grown(runtime, "r1")
    elsewhere = log_in(client, "r1").get_json()
    stolen = log_in(client, "r1").get_json()
    renewed = refreshed(client, stolen["refresh_token"]).get_json()

    reused = refreshed(client, stolen["refresh_token"])

    assert (reused.status_code, reused.get_json()["type"]) == (401, "/problems/token-reused")
    assert client.get("/auth/me", headers=bearer(renewed["access_token"])).status_code == 401
    assert refreshed(client, renewed["refresh_token"]).get_json()["type"] == "/problems/unauthorized"
    assert client.get("/auth/me", headers=bearer(elsewhere["access_token"])).status_code == 200
    assert db.audit.count_documents({"action": "session.token_reused", "actor_id": user.id}) == 1


def test_a_used_refresh_token_writes_once_however_often_it_comes_back(
    client: FlaskClient, runtime: Runtime, db: Any
) -> None:
    grown(runtime, "r1")
    used = log_in(client, "r1").get_json()["refresh_token"]
    refreshed(client, used)

    answers = [refreshed(client, used).get_json()["type"] for _ in range(4)]

    assert answers == ["/problems/token-reused"] * 4
    assert db.audit.count_documents({"action": "session.token_reused", "campus_id": None}) == 1
    assert db.engine_jobs.count_documents({"name": "accounts.notice"}, hint="_id_") == 1


def test_of_parallel_refreshes_one_wins(runtime: Runtime, app: Any) -> None:
    grown(runtime, "r1")
    token = log_in(app.test_client(), "r1").get_json()["refresh_token"]

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: refreshed(app.test_client(), token).status_code, range(8)))

    assert sorted(statuses) == [200] + [401] * 7


@pytest.mark.parametrize("token", ["x", ".", "a.b", "66f1f1f1f1f1f1f1f1f1f1f1.secret", "$ne.$gt", "é.ü"])
def test_an_unknown_refresh_token_is_refused(client: FlaskClient, token: str) -> None:
    reply = refreshed(client, token)

    assert (reply.status_code, reply.get_json()["type"]) == (401, "/problems/unauthorized")


def test_tokens_are_not_taken_for_each_other(client: FlaskClient, runtime: Runtime) -> None:
    grown(runtime, "r1")
    pair = log_in(client, "r1").get_json()

    assert client.get("/auth/me", headers=bearer(pair["refresh_token"])).status_code == 401
    assert refreshed(client, pair["access_token"][:200]).status_code == 401


def test_logout_ends_the_session_at_once(client: FlaskClient, runtime: Runtime) -> None:
    grown(runtime, "r1")
    pair = log_in(client, "r1").get_json()
    assert client.get("/auth/me", headers=bearer(pair["access_token"])).status_code == 200

    assert client.post("/auth/logout", headers=bearer(pair["access_token"])).status_code == 204

    assert client.get("/auth/me", headers=bearer(pair["access_token"])).status_code == 401
    assert refreshed(client, pair["refresh_token"]).status_code == 401


def test_an_expired_session_holds_no_more(client: FlaskClient, runtime: Runtime, db: Any) -> None:
    grown(runtime, "r1")
    pair = log_in(client, "r1").get_json()
    past = datetime.now(UTC) - timedelta(seconds=1)
    db.sessions.update_many({"_id": {"$gt": ""}}, {"$set": {"expires_at": past}})

    assert client.get("/auth/me", headers=bearer(pair["access_token"])).status_code == 401
    assert refreshed(client, pair["refresh_token"]).status_code == 401


def test_a_person_has_ten_sessions_at_most(client: FlaskClient, runtime: Runtime, db: Any) -> None:
    user = grown(runtime, "r1")
    pairs = [log_in(client, "r1").get_json() for _ in range(12)]

    alive = [client.get("/auth/me", headers=bearer(pair["access_token"])).status_code for pair in pairs]

    assert alive == [401] * 2 + [200] * 10
    assert db.sessions.count_documents({"user_id": user.id, "revoked_at": None}) == 10


def test_who_is_deactivated_cannot_go_on(client: FlaskClient, runtime: Runtime, db: Any) -> None:
    user = grown(runtime, "r1")
    pair = log_in(client, "r1").get_json()
    db.users.update_one({"_id": user.id}, {"$set": {"status": "deactivated"}})

    assert refreshed(client, pair["refresh_token"]).status_code == 401
    assert client.get("/auth/me", headers=bearer(pair["access_token"])).status_code == 401


def test_me_tells_what_the_role_grants(client: FlaskClient, runtime: Runtime, db: Any) -> None:
    user = grown(runtime, "sub", Role.SUB_SUPERADMIN, modules={"batch_processing": "read"})
    token = log_in(client, "sub").get_json()["access_token"]

    me = client.get("/auth/me", headers=bearer(token)).get_json()

    granted = ["batch_processing:job:read", "batch_processing:worker:read"]
    assert (me["id"], me["permissions"]) == (user.id, granted)
    assert me["last_login_at"] is not None
    assert not {"password_hash", "ver", "modules"} & set(me)


def test_module_access_is_read_from_the_database(client: FlaskClient, runtime: Runtime, db: Any) -> None:
    user = grown(runtime, "sub", Role.SUB_SUPERADMIN, modules={"batch_processing": "read"})
    headers = bearer(log_in(client, "sub").get_json()["access_token"])
    assert client.get("/batch_processing/jobs", headers=headers).status_code == 200

    db.users.update_one({"_id": user.id}, {"$set": {"modules": {}}})
    time.sleep(0.6)

    assert client.get("/batch_processing/jobs", headers=headers).status_code == 403
