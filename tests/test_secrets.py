"""No password, token or hash of one leaves where it belongs: not in the database, a log or a reply."""

import json
import logging
import re
from typing import Any

import pytest

from tests.cast import PASSWORD, Cast, one_time_token, roster

ANNA = "CSE,001,Anna,9876543210,anna@example.com"


def dump(db: Any) -> str:
    """Return everything in the database as text, the field that is a hash left out."""
    found: list[str] = []
    for name in db.list_collection_names():
        if name.startswith("system."):
            continue
        for row in db[name].find(hint="_id_"):
            row.pop("password_hash", None)
            found.append(f"{name} {row}")
    return "\n".join(found)


def test_after_the_whole_main_job_no_secret_is_stored_logged_or_told(
    cast: Cast, at_rest: Any, outbox: Any, db: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    admin = cast.north.admin
    form = {"batch_id": cast.north.batch_id, "file": roster(ANNA), "dry_run": "false"}
    made = admin.post("/student_management/imports", status=202, data=form)
    at_rest()
    anna = cast.activated("001", "anna@example.com")
    refresh = str(anna.login["refresh_token"])
    anna.http.post("/auth/login", json={"username": "001", "password": "wrong " + PASSWORD})

    job_id = admin.get(f"/student_management/imports/{made['id']}")["job_id"]
    replies = [
        admin.http.get(path).get_data(as_text=True)
        for path in (
            f"/student_management/imports/{made['id']}",
            f"/student_management/imports/{made['id']}/rows",
            f"/student_management/imports/{made['id']}/errors.csv",
            f"/batch_processing/jobs/{job_id}",
            f"/batch_processing/jobs/{job_id}/recipients",
            "/student_management/students",
            "/admin_management/admins",
            "/auth/me",
            "/health/ready",
            "/metrics",
        )
    ]

    tokens = {one_time_token(message["text"]) for message in outbox()}
    secrets = {PASSWORD, refresh, refresh.partition(".")[2], anna.token, admin.token, *tokens}
    places = {
        "database": dump(db),
        "log": "\n".join(json.dumps(record.__dict__, default=str) for record in caplog.records),
        "replies": "\n".join(replies),
    }
    found = {(place, secret[:6]) for place, text in places.items() for secret in secrets if secret in text}
    assert tokens
    assert found == set()
    assert not any(re.search(r"\$2[aby]\$", text) for text in places.values())


def test_the_hash_of_a_password_stands_in_one_field_of_one_collection(cast: Cast, db: Any) -> None:
    assert cast.north.admin

    with_hash = {
        (name, field)
        for name in db.list_collection_names()
        if not name.startswith("system.")
        for row in db[name].find(hint="_id_")
        for field, value in row.items()
        if isinstance(value, str) and value.startswith("$2")
    }

    assert with_hash == {("users", "password_hash")}
