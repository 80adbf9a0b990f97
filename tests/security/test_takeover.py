"""Nobody gets into another's account: no route takes or shows a secret of somebody else (abuse case 3)."""

import re
from collections.abc import Iterator
from typing import Any, Final, get_args

from flask import Flask
from flask.testing import FlaskClient
from pydantic import BaseModel

from routes._kit.openapi import declared
from tests.cast import PASSWORD, Cast, one_time_token
from tests.people import OTHER, log_in
from tests.routes.test_auth_totp import NEEDED, Hands, hands, set_up

__all__ = ["hands"]

SECRET: Final = re.compile(r"password|secret|token|(^|_)(hash|code|pin|otp|nonce)($|_)")
# The code of a place, and the links of the audit log's chain: nobody gets in by them.
NO_SECRETS: Final = frozenset({"audit", "campus_management", "course_management"})
# The own account, by what one knows or holds: none of these names somebody.
OWN: Final = re.compile(r"auth(_\w+)?\.\w+")


def fields(model: Any, seen: frozenset[Any] = frozenset()) -> Iterator[str]:
    """Yield the name of every field of a model and of those within it."""
    if model in seen:
        return
    for within in get_args(model):
        yield from fields(within, seen)
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, field in model.model_fields.items():
            yield name
            yield from fields(field.annotation, seen | {model})


def with_secrets(app: Flask, part: str) -> dict[str, str]:
    """Return the operations whose body or reply has a field for a secret, and their rules."""
    return {
        rule.endpoint: rule.rule
        for rule, spec in declared(app)
        if rule.endpoint.partition(".")[0] not in NO_SECRETS
        for model in ([spec.body, spec.form] if part == "takes" else [spec.returns])
        if model is not None and any(map(SECRET.search, fields(model)))
    }


def test_no_route_takes_a_password_for_somebody_else(app: Flask) -> None:
    found = with_secrets(app, "takes")

    assert {"auth.login", "auth.change_password", "auth.reset_password"} <= found.keys()
    assert [name for name in found if not OWN.fullmatch(name)] == []
    assert [rule for rule in found.values() if "_id>" in rule] == []


def test_no_reply_has_a_place_for_a_secret_of_somebody_else(app: Flask) -> None:
    found = with_secrets(app, "shows")

    assert {"auth.login", "auth.refresh"} <= found.keys()
    assert [name for name in found if not OWN.fullmatch(name)] == []


def test_a_link_goes_to_its_owner_alone_whoever_asks_for_it(cast: Cast, at_rest: Any, outbox: Any) -> None:
    admin, boss = cast.north.admin, cast.superadmin
    student, other = cast.student(cast.north, "S1"), cast.south.admin
    before = len(outbox())

    replies = [
        boss.http.post(f"/admin_management/admins/{other.id}/send_credentials"),
        admin.http.post(
            "/student_management/students/send_credentials",
            json={"student_ids": [student.id], "channels": ["email"]},
        ),
        admin.http.post("/auth/forgot_password", json={"username": "s1"}),
        admin.http.post("/auth/forgot_password", json={"username": "south.admin "}),
    ]
    at_rest()

    sent = outbox()[before:]
    told = "".join(reply.get_data(as_text=True) for reply in replies)
    assert [reply.status_code for reply in replies] == [202, 202, 202, 202]
    assert (
        sorted(message["to"] for message in sent) == ["s1@example.com"] * 2 + ["south.admin@example.com"] * 2
    )
    assert not any(one_time_token(message["text"]) in told for message in sent)
    assert PASSWORD not in told


def test_a_reset_link_does_not_get_past_a_second_factor(
    cast: Cast, client: FlaskClient, at_rest: Any, hands: Hands
) -> None:
    app, _ = set_up(cast.student(cast.north, "S1"), hands)
    client.post("/auth/forgot_password", json={"username": "s1"})
    at_rest()
    reset = {"token": cast.token_for("s1@example.com"), "new_password": OTHER}

    reply = client.post("/auth/reset_password", json=reset)

    assert (reply.status_code, reply.get_data()) == (204, b"")
    assert log_in(client, "s1", OTHER).get_json()["type"] == NEEDED
    body = {"username": "s1", "password": OTHER, "totp": app.code()}
    assert client.post("/auth/login", json=body).status_code == 200


def test_right_and_wrong_logins_stand_in_the_log_without_what_was_typed(
    cast: Cast, client: FlaskClient, db: Any
) -> None:
    admin = cast.north.admin
    log_in(client, admin.username, OTHER)
    log_in(client, "no.such.person", OTHER)

    rows = list(db.audit.find(hint="_id_"))
    failed = [row["target"] for row in rows if row["action"] == "login.failed"]
    assert failed == [f"user:{admin.id}", "user:none"]
    assert "session.begun" in [row["action"] for row in rows if row["actor_id"] == admin.id]
    assert not any(typed in str(rows) for typed in ("no.such.person", OTHER, PASSWORD))
