"""The bucket stops, hangs or answers 5xx while files go in and are read: people are told, then it goes on."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest
import requests
from flask import Flask

from config.settings import Settings
from integrations import s3_files
from main import Runtime, create_app
from services.migrations import Migrator
from tests.cast import Cast, roster
from tests.fakes.s3_server import S3Server
from tests.waiting import pause, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("product"), pytest.mark.timeout(600)]

IMPORTS: Final = "/student_management/imports"
GIF: Final = b"GIF89a" + bytes(94)
FILE: Final = {"purpose": "question_media", "name": "a.gif", "content_type": "image/gif", "size": len(GIF)}
SILENT: Final = "The file storage does not answer."
QUICK: Final = 10.0  # for a request that needs no bucket, on a machine that does much else
LINES: Final = [f"CSE,{n:04},Student {n},,s{n}@example.com" for n in range(40)]


class Broken(BaseHTTPRequestHandler):
    """Answers 503 to everything."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _answer  # noqa: N815 -- the names that it asks for

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def stopped(bucket: S3Server) -> Iterator[None]:
    bucket.stop()
    yield
    bucket.start()


@contextmanager
def hanging(bucket: S3Server) -> Iterator[None]:
    bucket.freeze()
    yield
    bucket.thaw()


@contextmanager
def broken(bucket: S3Server) -> Iterator[None]:
    with stopped(bucket):
        server = ThreadingHTTPServer(("127.0.0.1", bucket.port), Broken)
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield
        server.shutdown()
        thread.join()
        server.server_close()


class Site:
    """A server whose files lie in a bucket."""

    def __init__(self, app: Flask, db: Any, bucket: S3Server) -> None:
        self.app, self.db, self.bucket = app, db, bucket
        self.runtime: Runtime = app.extensions["versant"]
        sent = self.runtime.settings.data_dir / "outbox.jsonl"
        self.cast = Cast(app, lambda: messages(sent))
        self.admin = self.cast.north.admin

    def upload(self) -> Any:
        """Upload a roster that is applied at once; return the reply, whatever it is."""
        form = {"batch_id": self.cast.north.batch_id, "dry_run": "false", "file": roster(*LINES)}
        return self.admin.http.post(IMPORTS, data=form)

    def quick(self) -> None:
        """Fail unless what needs no bucket is served as ever."""
        for path in ("/student_management/students", "/batch_processing/jobs", IMPORTS):
            begun = time.monotonic()
            assert self.admin.http.get(path).status_code == 200
            assert time.monotonic() - begun < QUICK, path

    def imports(self) -> list[Any]:
        return list(self.admin.get(IMPORTS)["items"])


def messages(path: Path) -> list[dict[str, Any]]:
    import json

    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("bucket")) as bucket:
        yield bucket


@pytest.fixture(scope="module")
def site(
    settings: Settings,
    looking: Any,
    command_log: Any,
    bucket: S3Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    name = f"storage_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    change: dict[str, Any] = {field.lower(): value for field, value in bucket.environment.items()}
    change["mongodb_uri"] = settings.mongodb_uri.replace(f"/{looking.name}?", f"/{name}?")
    change["data_dir"] = tmp_path_factory.mktemp("storage")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3_files, "READ_SECONDS", 0.5)  # a bucket that hangs is given up sooner than in earnest
        patch.setattr(s3_files, "TRIES", 1)
        app = create_app(settings.model_copy(update=change))
    runtime: Runtime = app.extensions["versant"]
    try:
        Migrator(runtime.store.db).run()
        runtime.start()
        yield Site(app, looking.client[name], bucket)
    finally:
        runtime.stop()
        runtime.store.db.client.close()
        looking.client.drop_database(name)


@pytest.mark.expects_errors
@pytest.mark.parametrize("away", [stopped, hanging, broken], ids=["stops", "hangs", "answers 503"])
def test_an_upload_is_refused_with_a_sentence_and_nothing_of_it_is_kept(site: Site, away: Any) -> None:
    before = site.imports()
    with away(site.bucket):
        refused = site.upload()
        site.quick()

    assert (refused.status_code, refused.get_json()["detail"]) == (503, SILENT)
    assert int(refused.headers["Retry-After"]) >= 1
    assert site.imports() == before
    taken = until(lambda: (reply := site.upload()).status_code == 202 and reply.get_json())
    until(lambda: site.admin.get(f"{IMPORTS}/{taken['id']}")["state"] == "applied")


@pytest.mark.expects_errors
@pytest.mark.parametrize("away", [stopped, hanging, broken], ids=["stops", "hangs", "answers 503"])
def test_what_was_uploaded_waits_for_the_bucket_says_so_and_goes_on_by_itself(site: Site, away: Any) -> None:
    # Given a roster and a picture that are in the bucket and that nobody has looked at yet
    pause(site.runtime)
    made = until(lambda: (reply := site.upload()).status_code == 202 and reply.get_json())
    announced = site.admin.post("/files", FILE)
    link = announced["upload"]
    assert requests.put(link["url"], data=GIF, headers=link["headers"], timeout=60).status_code == 200
    students = site.db["students"].count_documents({})

    # When the bucket is away
    with away(site.bucket):
        site.runtime.engine.resume()
        complete = f"/files/{announced['file']['id']}/complete"
        assert site.admin.http.post(complete).status_code == 202
        waiting = until(
            lambda: (shown := site.admin.get(f"{IMPORTS}/{made['id']}"))["waiting_reason"] and shown
        )

        # Then the import waits and says for what, and nothing of it is there
        assert (waiting["state"], waiting["waiting_reason"]) == ("parsing", SILENT)
        assert waiting["failure"] is None
        assert site.db["students"].count_documents({}) == students
        assert site.admin.get(f"/files/{announced['file']['id']}")["state"] != "refused"
        site.quick()

    # And when it is back, both come to their end by themselves, and the import takes its bytes away
    shown = until(lambda: (now := site.admin.get(f"{IMPORTS}/{made['id']}"))["state"] == "applied" and now)
    assert (shown["waiting_reason"], shown["counts"]["error"]) == (None, 0)
    until(lambda: site.admin.get(f"/files/{announced['file']['id']}")["state"] == "stored")
    assert site.db["students"].count_documents({}) >= len(LINES)
    contents = site.runtime.services.files._contents
    until(lambda: contents.size(f"imports/{made['id']}") is None)
