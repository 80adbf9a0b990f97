"""Files through the front door: announced, sent over a signed link, checked, linked to, removed, swept."""

import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from main import Runtime, create_app
from services.files.checking import SWEEP_JOB
from services.ports import Queue
from tests.cast import Cast, Person
from tests.fakes.s3_server import S3Server
from tests.waiting import pause

GIF = b"GIF89a" + bytes(94)
FILE = {"purpose": "question_media", "name": "Bild ä.gif", "content_type": "image/gif", "size": len(GIF)}
UPLOAD = {"Content-Type": "image/gif"}


def path_of(url: str) -> str:
    return url.removeprefix("http://versant.test")


def got(client: FlaskClient, url: str) -> tuple[int, bytes, Any]:
    """Return status, body and headers of a download, and close it."""
    with client.get(path_of(url)) as reply:
        return reply.status_code, reply.data, reply.headers


def sent(person: Person, announced: Any, content: bytes = GIF, **headers: str) -> Any:
    link = announced["upload"]
    return person.http.put(path_of(link["url"]), data=content, headers=link["headers"] | headers)


def checked(person: Person, announced: Any, at_rest: Any) -> Any:
    person.post(f"/files/{announced['file']['id']}/complete", status=202)
    at_rest()
    return person.get(f"/files/{announced['file']['id']}")


def kept(person: Person, at_rest: Any, content: bytes = GIF, **more: Any) -> Any:
    announced = person.post("/files", {**FILE, "size": len(content), **more})
    assert sent(person, announced, content).status_code == 204
    return checked(person, announced, at_rest)


def test_a_file_is_announced_sent_checked_and_downloaded_as_an_attachment(cast: Cast, at_rest: Any) -> None:
    admin = cast.north.admin
    file = kept(admin, at_rest)
    assert (file["state"], file["scanned"], file["campus_id"]) == ("stored", False, cast.north.id)

    link = admin.get(f"/files/{file['id']}/link")
    status, content, headers = got(admin.http, link["url"])

    assert (status, content) == (200, GIF)
    assert headers["Content-Type"] == "image/gif"
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''Bild%20%C3%A4.gif"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("sandbox")
    assert headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"content_type": "text/html"}, "content_type must be one of"),
        ({"content_type": "image/svg+xml"}, "content_type must be one of"),
        ({"size": 10 * 1024 * 1024 + 1}, "size must be at most"),
        ({"size": 0}, "greater than or equal to 1"),
        ({"name": "../etc/passwd"}, "pattern"),
        ({"name": ""}, "at least 1 character"),
        ({"purpose": "anything"}, "question_media"),
        ({"key": "files/mine"}, "not permitted"),
    ],
)
def test_what_may_not_be_uploaded_is_said_before_it_is_sent(cast: Cast, change: Any, pointer: str) -> None:
    refused = cast.north.admin.post("/files", {**FILE, **change}, status=422)

    assert pointer in refused["errors"][0]["detail"]


def test_bytes_that_are_not_what_they_say_are_refused_and_gone(
    cast: Cast, at_rest: Any, runtime: Runtime
) -> None:
    admin = cast.north.admin
    page = b"<!DOCTYPE html><script>alert(1)</script>"

    file = kept(admin, at_rest, page)

    assert (file["state"], file["reason"]) == ("refused", "its content is not image/gif")
    refused = admin.get(f"/files/{file['id']}/link", status=409)
    assert refused["type"] == "/problems/file-not-stored"
    assert [p for p in (runtime.settings.data_dir / "files").rglob("*") if p.is_file()] == []


def test_a_link_takes_only_what_was_announced_and_only_once_checked_no_more(cast: Cast, at_rest: Any) -> None:
    admin = cast.north.admin
    announced = admin.post("/files", FILE)

    assert sent(admin, announced, GIF + b"more").status_code == 422
    assert sent(admin, announced, GIF, **{"Content-Type": "text/html"}).status_code == 415
    assert sent(admin, announced).status_code == 204
    assert checked(admin, announced, at_rest)["state"] == "stored"
    assert sent(admin, announced).status_code == 409


def test_without_a_signature_not_a_byte_of_the_body_is_read(cast: Cast, app: Flask) -> None:
    url = path_of(cast.north.admin.post("/files", FILE)["upload"]["url"])

    class Unread(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("the body was read")

    reply = app.test_client().put(
        url.partition("?")[0] + "?expires=9999999999&signature=none",
        input_stream=Unread(GIF),
        content_type="image/gif",
    )

    assert reply.status_code == 404


def test_completing_without_bytes_is_refused_and_completing_twice_is_one(cast: Cast, at_rest: Any) -> None:
    admin = cast.north.admin
    announced = admin.post("/files", FILE)

    first = checked(admin, announced, at_rest)
    again = admin.post(f"/files/{first['id']}/complete", status=202)

    assert (first["state"], first["reason"]) == ("refused", "nothing was uploaded")
    assert again["state"] == "refused"


def test_a_link_that_was_changed_or_ran_out_leads_nowhere(cast: Cast, at_rest: Any, app: Flask) -> None:
    admin = cast.north.admin
    first, second = kept(admin, at_rest), kept(admin, at_rest)
    url = path_of(admin.get(f"/files/{first['id']}/link")["url"])
    other = path_of(admin.get(f"/files/{second['id']}/link")["url"])
    stranger = app.test_client()

    assert got(stranger, url)[0] == 200
    assert got(stranger, other.partition("?")[0] + "?" + url.partition("?")[2])[0] == 404
    assert got(stranger, url.replace("expires=1", "expires=2"))[0] == 404
    assert got(stranger, url[:-1] + ("0" if url[-1] != "0" else "1"))[0] == 404
    assert stranger.put(url, data=GIF, headers=UPLOAD).status_code == 404


def test_another_campus_finds_neither_the_file_nor_a_link(cast: Cast, at_rest: Any) -> None:
    file = kept(cast.north.admin, at_rest)

    for path in (f"/files/{file['id']}", f"/files/{file['id']}/link"):
        assert cast.south.admin.get(path, status=404)["type"] == "/problems/file-not-found"
    cast.south.admin.delete(f"/files/{file['id']}", status=404)
    refused = cast.south.admin.post("/files", {**FILE, "campus_id": cast.north.id}, status=422)
    assert refused["errors"][0]["pointer"] == "/campus_id"


def test_a_removed_file_is_gone_with_its_bytes(cast: Cast, at_rest: Any, app: Flask) -> None:
    admin = cast.north.admin
    file = kept(admin, at_rest)
    url = path_of(admin.get(f"/files/{file['id']}/link")["url"])

    admin.delete(f"/files/{file['id']}")

    admin.get(f"/files/{file['id']}", status=404)
    assert got(app.test_client(), url)[0] == 404


def test_the_sweep_removes_what_nobody_finished_and_what_nobody_knows(
    cast: Cast, at_rest: Any, runtime: Runtime, db: Any
) -> None:
    admin = cast.north.admin
    stored, waiting = kept(admin, at_rest), admin.post("/files", FILE)
    sent(admin, waiting)
    folder = runtime.settings.data_dir / "files"
    orphan = folder / "files" / "platform" / "nobody"
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"left behind")
    yesterday = datetime.now(UTC) - timedelta(hours=25)
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (yesterday.timestamp(), yesterday.timestamp()))
    db["files"].update_one({"_id": waiting["file"]["id"]}, {"$set": {"created_at": yesterday}})

    runtime.engine.submit(SWEEP_JOB, {}, queue=Queue.FILES, key="sweep now")
    at_rest()

    assert admin.get(f"/files/{stored['id']}/link")["method"] == "GET"
    admin.get(f"/files/{waiting['file']['id']}", status=404)
    assert not orphan.exists()
    assert len([path for path in (folder / "files").rglob("*") if path.is_file()]) == 1


def test_the_same_goes_through_a_bucket_past_the_server(
    tmp_path: Path, runtime: Runtime, cast: Cast, at_rest: Any, command_log: Any
) -> None:
    admin_name = cast.north.admin.username
    with S3Server(tmp_path) as server:
        app = create_app(
            runtime.settings.model_copy(
                update={name.lower(): value for name, value in server.environment.items()}
            )
        )
        other: Runtime = app.extensions["versant"]
        admin = Person(app, admin_name)
        pause(runtime)
        other.start()
        try:
            announced = admin.post("/files", FILE)
            link = announced["upload"]
            put = requests.put(link["url"], data=GIF, headers=link["headers"], timeout=60)
            assert put.status_code == 200
            assert checked(admin, announced, at_rest)["state"] == "stored"
            down = admin.get(f"/files/{announced['file']['id']}/link")
            assert requests.get(down["url"], timeout=60).content == GIF
            other_gif = GIF[:-1] + b"!"
            requests.put(link["url"], data=other_gif, headers=link["headers"], timeout=60)
            assert requests.get(down["url"], timeout=60).content == GIF  # what was checked is what is served
            assert admin.http.get("/files/content/files/x?expires=1&signature=x").status_code == 404
            admin.delete(f"/files/{announced['file']['id']}")
            assert requests.get(down["url"], timeout=60).status_code == 404
        finally:
            other.stop()
            other.store.db.client.close()
            runtime.engine.resume()
