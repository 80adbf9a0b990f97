"""What one campus has read another never gets: replies, rows and files that are kept (cases 23, 24)."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from flask import Flask

from routes._kit.endpoint import PUBLIC, SIGNATURE
from routes._kit.openapi import declared
from tests.cast import Cast, Person, roster

PICTURE: Final = {"purpose": "question_media", "content_type": "image/png", "size": 70}
CANARY: Final = "Northcanary"


@pytest.fixture
def ids(cast: Cast, at_rest: Any) -> Mapping[str, str]:
    """A row of North for each id of the routes that read one, each with the canary in what can be named."""
    admin, north = cast.north.admin, cast.north
    form = {"batch_id": north.batch_id, "file": roster(f"CSE,X1,{CANARY} X,,x1@example.com")}
    made = admin.post("/student_management/imports", status=202, data={**form, "dry_run": "false"})
    file = admin.post("/files", {**PICTURE, "name": f"{CANARY}.png"})["file"]
    at_rest()
    job = admin.get("/batch_processing/jobs")["items"][0]
    return {
        "admin_id": admin.id,
        "batch_id": north.batch_id,
        "campus_id": north.id,
        "course_id": north.course_ids[0],
        "delivery_id": admin.get("/email_management/deliveries")["items"][0]["id"],
        "file_id": file["id"],
        "import_id": made["id"],
        "instance_id": admin.get("/batch_management/instances")["items"][0]["id"],
        "job_id": job["id"],
        "student_id": admin.get("/student_management/students")["items"][0]["id"],
    }


def reads(app: Flask, ids: Mapping[str, str]) -> Mapping[str, bool]:
    """Return the address of every read that these ids are enough for, and whether it names one."""
    urls = app.url_map.bind("localhost")
    return {
        urls.build(rule.endpoint, {name: ids[name] for name in rule.arguments}): bool(rule.arguments)
        for rule, spec in declared(app)
        if spec.method == "GET" and spec.access not in (PUBLIC, SIGNATURE) and rule.arguments <= ids.keys()
    }


def ask(person: Person, path: str, etag: str | None = None) -> Any:
    return person.http.get(path, headers={"If-None-Match": etag} if etag else {})


def text_of(reply: Any) -> str:
    """Return a reply as text, whatever it is."""
    return str(reply.get_data().decode("utf-8", "replace"))


def test_what_one_campus_has_just_read_another_does_not_get(
    cast: Cast, app: Flask, ids: Mapping[str, str]
) -> None:
    north, south, seen = cast.north.admin, cast.south.admin, 0
    own = {south.id, cast.south.id}
    for path, names_one in reads(app, ids).items():
        first, again = ask(north, path), ask(north, path)
        assert first.status_code == again.status_code
        seen += CANARY in text_of(first)

        for etag in (None, first.headers.get("ETag")):
            other = ask(south, path, etag)

            text = text_of(other)
            assert not names_one or other.status_code in (403, 404), path
            assert other.status_code != 304, path
            assert CANARY not in text, path
            assert not [name for name in set(ids.values()) - own if name in text.replace(path, "")], path
    assert seen >= 4


def test_a_file_s_key_says_nothing_of_its_name_and_lies_under_its_campus(cast: Cast, db: Any) -> None:
    north = cast.north
    names = ["a.png", "../../a.png".replace("/", "_"), f"{CANARY}.png"]
    for name in names:
        north.admin.post("/files", {**PICTURE, "name": name})

    rows = list(db.files.find({"campus_id": north.id}))
    for row in rows:
        place, _, secret = row["key"].rpartition("/")
        assert place.endswith(north.id)
        assert len(secret) * math.log2(32) >= 128
        assert not [word for word in (*names, row["_id"], north.admin.id) if word.lower() in secret.lower()]
    assert len({row["key"] for row in rows}) == len(names)


def test_a_link_to_a_file_is_good_for_a_minute_at_most(cast: Cast, db: Any) -> None:
    admin = cast.north.admin
    file = admin.post("/files", {**PICTURE, "name": "a.png"})["file"]
    db.files.update_one({"_id": file["id"]}, {"$set": {"state": "stored"}})

    link = admin.get(f"/files/{file['id']}/link")

    ends = datetime.fromisoformat(link["expires_at"])
    assert timedelta(0) < ends - datetime.now(UTC) <= timedelta(seconds=60)


def test_nothing_that_a_browser_would_run_is_taken(cast: Cast) -> None:
    for content_type in ("text/html", "image/svg+xml", "application/xhtml+xml", "text/xml"):
        for name in ("a.html", "a.png"):
            wish = {**PICTURE, "name": name, "content_type": content_type}
            assert cast.north.admin.post("/files", wish, status=422)
