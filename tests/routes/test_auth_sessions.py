from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from main import Runtime
from services.accounts.devices import LONGEST, device_name
from tests.cast import PASSWORD
from tests.people import bearer, grown, refreshed, told

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = (
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0 Mobile Safari/537.36"
)


def enter(client: FlaskClient, agent: str, username: str = "r1") -> dict[str, Any]:
    """Log in on a device."""
    body = {"username": username, "password": PASSWORD}
    reply = client.post("/auth/login", json=body, headers={"User-Agent": agent})
    return dict(reply.get_json())


def mine(client: FlaskClient, pair: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(
        "/auth/sessions", headers=bearer(pair["access_token"])
    ).get_json()["items"]
    return items


def alive(client: FlaskClient, pair: dict[str, Any]) -> bool:
    return client.get("/auth/me", headers=bearer(pair["access_token"])).status_code == 200


@pytest.fixture
def two(client: FlaskClient, runtime: Runtime) -> tuple[dict[str, Any], dict[str, Any]]:
    """The student r1, at a desk and then on a phone."""
    grown(runtime, "r1")
    return enter(client, FIREFOX), enter(client, PHONE)


def test_own_sessions_are_listed_by_device_and_without_secrets(
    client: FlaskClient, two: tuple[dict[str, Any], dict[str, Any]], runtime: Runtime
) -> None:
    desk, _ = two
    grown(runtime, "r2")
    enter(client, FIREFOX, "r2")

    items = mine(client, desk)

    assert [(one["device"], one["current"]) for one in items] == [
        ("Chrome on Android", False),
        ("Firefox on Linux", True),
    ]
    assert set(items[0]) == {"id", "device", "created_at", "last_used_at", "expires_at", "current"}


def test_a_refresh_shows_when_a_session_was_last_used(
    client: FlaskClient, two: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    desk, phone = two
    before = mine(client, desk)[0]

    refreshed(client, phone["refresh_token"])

    after = mine(client, desk)[0]
    assert (after["id"], after["created_at"]) == (before["id"], before["created_at"])
    assert after["last_used_at"] > before["last_used_at"]


def test_a_session_is_ended_from_afar(
    client: FlaskClient, two: tuple[dict[str, Any], dict[str, Any]], db: Any
) -> None:
    desk, phone = two
    [there] = [one["id"] for one in mine(client, desk) if not one["current"]]

    reply = client.delete(f"/auth/sessions/{there}", headers=bearer(desk["access_token"]))

    assert reply.status_code == 204
    assert (alive(client, desk), alive(client, phone)) == (True, False)
    assert refreshed(client, phone["refresh_token"]).status_code == 401
    assert [one["current"] for one in mine(client, desk)] == [True]
    assert db.audit.count_documents({"action": "session.ended", "target": f"session:{there}"}) == 1


@pytest.mark.parametrize("whose", ["foreign", "missing", "malformed", "ended"])
def test_a_session_that_is_not_ones_own_does_not_exist(
    client: FlaskClient, two: tuple[dict[str, Any], dict[str, Any]], runtime: Runtime, whose: str
) -> None:
    desk, phone = two
    grown(runtime, "r2")
    other = enter(client, FIREFOX, "r2")
    [there] = [one["id"] for one in mine(client, desk) if not one["current"]]
    client.post("/auth/logout", headers=bearer(phone["access_token"]))
    ids = {
        "foreign": mine(client, other)[0]["id"],
        "missing": "0123456789abcdef01234567",
        "malformed": "{'$ne': null}",
        "ended": there,
    }

    reply = client.delete(f"/auth/sessions/{ids[whose]}", headers=bearer(desk["access_token"]))

    assert told(reply) == (
        404,
        {"type": "/problems/session-not-found", "title": "No such session", "status": 404},
    )
    assert alive(client, other)


@pytest.mark.parametrize(("query", "stays"), [("", True), ("?also_this=true", False)])
def test_all_other_sessions_are_ended_or_all(
    client: FlaskClient, two: tuple[dict[str, Any], dict[str, Any]], db: Any, query: str, stays: bool
) -> None:
    desk, phone = two

    reply = client.delete(f"/auth/sessions{query}", headers=bearer(desk["access_token"]))

    assert reply.status_code == 204
    assert (alive(client, desk), alive(client, phone)) == (stays, False)
    assert db.audit.count_documents({"action": "sessions.ended", "detail.also_this": not stays}) == 1


def test_an_unknown_wish_ends_nothing(app: Flask, two: tuple[dict[str, Any], dict[str, Any]]) -> None:
    client, (desk, phone) = app.test_client(), two

    reply = client.delete("/auth/sessions?keep=all", headers=bearer(desk["access_token"]))

    assert reply.status_code == 422
    assert alive(client, phone)


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        (FIREFOX, "Firefox on Linux"),
        (PHONE, "Chrome on Android"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/139.0 Safari/537.36 Edg/139.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15_0) Version/18.0 Safari/605.1.15", "Safari on macOS"),
        ("python-requests/2.32.5", "python-requests"),
        ("", "Unknown device"),
        ("x" * 300, "x" * LONGEST),
    ],
)
def test_devices_have_names_that_people_know(agent: str, shown: str) -> None:
    assert device_name(agent) == shown
