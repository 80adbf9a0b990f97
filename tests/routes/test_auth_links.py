from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from main import Runtime
from tests.cast import Cast
from tests.people import OTHER, WRONG, bearer, grown, invited, log_in, refreshed, told


def forget(client: FlaskClient, username: str, address: str = "10.0.0.1") -> Any:
    return client.post(
        "/auth/forgot_password", json={"username": username}, environ_base={"REMOTE_ADDR": address}
    )


def set_password(client: FlaskClient, token: str, password: str = OTHER, way: str = "reset_password") -> Any:
    return client.post(f"/auth/{way}", json={"token": token, "new_password": password})


def test_a_forgotten_password_is_reset_by_a_link_that_works_once(
    client: FlaskClient, runtime: Runtime, cast: Cast, outbox: Any, at_rest: Any, db: Any
) -> None:
    user = grown(runtime, "r1", email="r1@example.com", mobile_number="+919876543210")
    before = log_in(client, "r1").get_json()

    assert (forget(client, "r1").status_code, forget(client, "nobody").status_code) == (202, 202)
    at_rest()
    token = cast.token_for("r1@example.com")

    assert sorted(message["to"] for message in outbox()) == ["+919876543210", "r1@example.com"]
    assert all(f"http://versant.test/reset?token={token}" in message["text"] for message in outbox())
    assert set_password(client, token).status_code == 204
    assert told(set_password(client, token))[1]["type"] == "/problems/link-not-valid"
    assert client.get("/auth/me", headers=bearer(before["access_token"])).status_code == 401
    assert [log_in(client, "r1").status_code, log_in(client, "r1", OTHER).status_code] == [401, 200]
    assert db.audit.count_documents({"action": "password.reset", "target": f"user:{user.id}"}) == 1


@pytest.mark.parametrize(
    ("mobile", "reached"), [("+919876543210", "+919876543210"), (None, "family@example.com")]
)
def test_an_address_that_others_read_gets_no_reset_link_where_there_is_a_better_one(
    client: FlaskClient, runtime: Runtime, outbox: Any, at_rest: Any, mobile: str | None, reached: str
) -> None:
    grown(runtime, "r1", email="family@example.com", mobile_number=mobile)
    grown(runtime, "r2", email="family@example.com")

    forget(client, "r1")
    at_rest()

    assert [message["to"] for message in outbox()] == [reached]


def test_asking_for_a_reset_answers_the_same_for_everybody(client: FlaskClient, runtime: Runtime) -> None:
    grown(runtime, "r1", email="r1@example.com")

    known, unknown = forget(client, "r1"), forget(client, "r2")

    assert (known.status_code, known.get_data()) == (unknown.status_code, unknown.get_data()) == (202, b"")


def test_nobody_is_flooded_with_reset_messages(
    client: FlaskClient, runtime: Runtime, outbox: Any, at_rest: Any, db: Any
) -> None:
    user = grown(runtime, "r1", email="r1@example.com")

    statuses = [forget(client, "r1", f"10.0.1.{number}").status_code for number in range(10)]
    at_rest()

    assert statuses == [202] * 10
    assert db.deliveries.count_documents({"recipient_id": user.id}) == 3
    assert 1 <= len(outbox()) <= 3  # one whose link is replaced before it leaves stays here


@pytest.mark.usefixtures("long_waits")
def test_an_address_that_asks_for_everybody_is_slowed_down(client: FlaskClient) -> None:
    statuses = [forget(client, f"r{number}").status_code for number in range(110)]

    assert statuses[:100] == [202] * 100
    assert statuses[-1] == 429


def test_a_newer_link_ends_the_older_one(
    client: FlaskClient, runtime: Runtime, cast: Cast, at_rest: Any, outbox: Any
) -> None:
    grown(runtime, "r1", email="r1@example.com")
    forget(client, "r1")
    at_rest()
    older = cast.token_for("r1@example.com")
    forget(client, "r1")
    at_rest()
    newer = cast.token_for("r1@example.com")

    assert older != newer
    assert set_password(client, older).status_code == 410
    assert set_password(client, newer).status_code == 204


def test_a_deactivated_person_gets_no_link(
    client: FlaskClient, runtime: Runtime, db: Any, outbox: Any, at_rest: Any
) -> None:
    user = grown(runtime, "r1", email="r1@example.com")
    db.users.update_one({"_id": user.id}, {"$set": {"status": "deactivated"}})

    forget(client, "r1")
    at_rest()

    assert outbox() == []


@pytest.fixture
def token(client: FlaskClient, runtime: Runtime, cast: Cast, at_rest: Any) -> str:
    """The reset token of the invited student r1."""
    invited(runtime, "r1", email="r1@example.com")
    forget(client, "r1")
    at_rest()
    return cast.token_for("r1@example.com")


def test_a_link_is_good_for_its_own_purpose_only(client: FlaskClient, token: str) -> None:
    assert set_password(client, token, way="activate").status_code == 410
    assert set_password(client, token).status_code == 204


def test_a_refused_password_does_not_use_the_link_up(client: FlaskClient, token: str) -> None:
    refused = set_password(client, token, "short")

    assert (refused.status_code, refused.get_json()["type"]) == (422, "/problems/weak-password")
    assert refused.get_json()["errors"][0]["pointer"] == "/new_password"
    assert set_password(client, token).status_code == 204


def test_looking_at_a_page_does_not_use_the_link_up(client: FlaskClient, token: str) -> None:
    for _ in range(3):
        page = client.get(f"/reset?token={token}")
        assert page.status_code == 200
        assert token not in page.get_data(as_text=True)

    assert set_password(client, token).status_code == 204


def test_an_expired_link_is_gone(client: FlaskClient, token: str, db: Any) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    db.one_time_links.update_many({"_id": {"$gt": ""}}, {"$set": {"expires_at": past}})

    assert set_password(client, token).status_code == 410


def test_links_live_as_long_as_their_messages_say(client: FlaskClient, token: str, db: Any) -> None:
    [link] = db.one_time_links.find({"_id": {"$gt": ""}})

    left = link["expires_at"] - datetime.now(UTC)
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)


def test_of_two_who_use_a_link_at_once_one_wins(app: Any, token: str) -> None:
    passwords = [f"{OTHER} {number}" for number in range(6)]

    with ThreadPoolExecutor(6) as pool:
        statuses = list(
            pool.map(lambda new: set_password(app.test_client(), token, new).status_code, passwords)
        )

    assert sorted(statuses) == [204] + [410] * 5
    winner = passwords[statuses.index(204)]
    assert log_in(app.test_client(), "r1", winner).status_code == 200


@pytest.mark.usefixtures("long_waits")
def test_a_reset_by_link_ends_the_waiting(client: FlaskClient, token: str) -> None:
    assert [log_in(client, "r1", WRONG).status_code for _ in range(6)] == [401] * 5 + [429]

    assert set_password(client, token).status_code == 204

    assert log_in(client, "r1", OTHER).status_code == 200


def test_a_reset_link_also_activates(client: FlaskClient, token: str, db: Any) -> None:
    assert set_password(client, token).status_code == 204

    assert db.users.find_one({"username": "r1"})["status"] == "active"
    assert log_in(client, "r1", OTHER).status_code == 200


def test_a_link_of_somebody_deactivated_since_is_gone(client: FlaskClient, token: str, db: Any) -> None:
    db.users.update_one({"username": "r1"}, {"$set": {"status": "deactivated"}})

    assert set_password(client, token).status_code == 410


@pytest.mark.parametrize("given", ["x", "a" * 43, "$ne", "é"])
def test_an_unknown_token_is_gone(client: FlaskClient, given: str) -> None:
    reply = set_password(client, given)

    assert (reply.status_code, reply.get_json()["type"]) == (410, "/problems/link-not-valid")


def test_no_secret_is_stored(
    client: FlaskClient, runtime: Runtime, token: str, db: Any, command_log: Any
) -> None:
    set_password(client, token)
    pair = log_in(client, "r1", OTHER).get_json()
    refreshed(client, pair["refresh_token"])
    secrets = [token, OTHER, pair["refresh_token"].partition(".")[2], pair["access_token"]]

    stored = "".join(str(list(db[name].find())) for name in db.list_collection_names())

    assert [secret for secret in secrets if secret in stored] == []


def test_the_pages_can_be_read_by_people_and_not_by_search_engines(client: FlaskClient) -> None:
    for path, endpoint in (("/activate", "/auth/activate"), ("/reset", "/auth/reset_password")):
        page = client.get(path)

        text = page.get_data(as_text=True)
        assert page.status_code == 200
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert page.headers["Cache-Control"] == "no-store"
        assert f'data-endpoint="{endpoint}"' in text
        assert "<script>" not in text
        assert 'lang="en"' in text
