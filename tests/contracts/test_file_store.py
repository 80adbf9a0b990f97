"""What every FileStore promises, run over a folder of this machine and over a real S3-compatible server."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from integrations.local_files import LocalFiles
from integrations.s3_files import S3Files, s3_client
from services.ports import FileStore
from tests.fakes.s3_server import BUCKET, KEY_ID, REGION, SECRET, S3Server
from utils.clock import SystemClock
from utils.resilient_services import Breaker


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(params=["folder", "bucket"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    if request.param == "folder":
        return LocalFiles(tmp_path, "http://versant.test", "secret", SystemClock())
    server: S3Server = request.getfixturevalue("s3")
    client = s3_client(REGION, server.url, KEY_ID, SECRET)
    return S3Files(client, BUCKET, Breaker("s3", SystemClock()), SystemClock())


def test_what_was_stored_can_be_read_measured_and_removed(files: FileStore) -> None:
    files.put("files/a/1", b"some bytes")

    with files.local("files/a/1") as path:
        assert path.read_bytes() == b"some bytes"
    assert files.size("files/a/1") == 10
    assert files.beginning("files/a/1", 4) == b"some"
    files.delete("files/a/1")
    assert files.size("files/a/1") is None


def test_the_same_key_again_replaces(files: FileStore) -> None:
    files.put("files/a/2", b"old")
    files.put("files/a/2", b"newer")

    assert files.beginning("files/a/2", 100) == b"newer"


def test_a_file_is_moved_and_moving_what_is_not_there_says_so(files: FileStore) -> None:
    files.put("uploads/a/5", b"some bytes")

    files.move("uploads/a/5", "files/a/5")

    assert (files.size("uploads/a/5"), files.beginning("files/a/5", 4)) == (None, b"some")
    with pytest.raises(FileNotFoundError):
        files.move("uploads/a/5", "files/a/5")
    assert files.size("files/a/5") == 10


def test_a_file_that_is_not_there_says_so_and_may_be_removed(files: FileStore) -> None:
    with pytest.raises(FileNotFoundError), files.local("files/none"):
        pass
    with pytest.raises(FileNotFoundError):
        files.beginning("files/none", 10)
    assert files.size("files/none") is None
    files.delete("files/none")


def test_old_files_are_listed_by_prefix(files: FileStore) -> None:
    files.put("files/b/1", b"x")
    files.put("imports/1", b"x")
    now = datetime.now(UTC)

    assert "files/b/1" in set(files.keys_before("files/b/", now + timedelta(minutes=1)))
    assert list(files.keys_before("files/b/", now - timedelta(minutes=1))) == []
    assert "imports/1" not in set(files.keys_before("files/", now + timedelta(minutes=1)))


def test_links_are_for_one_key_one_method_and_a_while(files: FileStore) -> None:
    before = datetime.now(UTC)

    up = files.upload_link("files/a/3", "image/png", 5, 900)
    down = files.download_link("files/a/3", "Bild ä.png", "image/png", 60)

    assert (up.method, up.headers) == ("PUT", {"Content-Type": "image/png", "Content-Length": "5"})
    assert (down.method, down.headers) == ("GET", {})
    assert timedelta(seconds=59) <= down.expires_at - before <= timedelta(seconds=62)
    assert up.url != down.url
    assert "files/a/3" in up.url


def test_nothing_of_a_link_is_shown_by_accident(files: FileStore) -> None:
    link: Any = files.download_link("files/a/3", "a.png", "image/png", 60)

    assert "ignature" not in repr(link)
