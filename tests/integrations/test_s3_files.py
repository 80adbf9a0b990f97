"""What is particular to S3: its links, its access, and living without it."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
import requests

from integrations import s3_files
from integrations.s3_files import S3Files, s3_client
from tests.fakes.s3_server import BUCKET, KEY_ID, REGION, SECRET, S3Server
from utils.clock import SystemClock
from utils.problems import Unavailable
from utils.resilient_services import Breaker

HELLO = b"hello"
SILENT, BUSY = "The file storage does not answer.", "The file storage is busy."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("s3")) as started:
        yield started


def files_at(url: str, secret: str = SECRET, failures: int = 5) -> S3Files:
    client = s3_client(REGION, url, KEY_ID, secret)
    return S3Files(client, BUCKET, Breaker("s3", SystemClock(), failures=failures), SystemClock())


def test_an_upload_link_takes_exactly_what_was_announced(server: S3Server) -> None:
    files = files_at(server.url)
    link = files.upload_link("files/x/1", "image/png", len(HELLO), 60)

    def put(content: bytes, content_type: str) -> int:
        return requests.put(
            link.url, data=content, headers={"Content-Type": content_type}, timeout=60
        ).status_code

    assert put(HELLO + b"!", "image/png") == 403
    assert put(HELLO, "text/html") == 403
    assert put(HELLO, "image/png") == 200
    assert files.beginning("files/x/1", 10) == HELLO


def test_a_download_link_is_good_for_its_file_alone(server: S3Server) -> None:
    files = files_at(server.url)
    files.put("files/x/2", HELLO)
    files.put("files/x/3", b"another's")
    link = files.download_link("files/x/2", "Ä b.png", "image/png", 60)

    assert requests.get(link.url, timeout=60).content == HELLO
    assert requests.get(link.url.replace("files/x/2", "files/x/3"), timeout=60).status_code == 403
    assert requests.get(f"{server.url}/{BUCKET}/files/x/2", timeout=60).status_code == 403
    assert "attachment" in link.url
    assert "%C3%84" in link.url or "%25C3%2584" in link.url


def test_a_link_that_ran_out_is_refused(server: S3Server) -> None:
    files = files_at(server.url)
    files.put("files/x/4", HELLO)
    link = files.download_link("files/x/4", "a.png", "image/png", 1)

    time.sleep(2.1)

    assert requests.get(link.url, timeout=60).status_code == 403


def test_a_wrong_secret_is_said_and_does_not_open_the_breaker(server: S3Server) -> None:
    files = files_at(server.url, "another secret", failures=2)

    for _ in range(3):
        with pytest.raises(Unavailable, match="refuses"):
            files.size("files/x/1")

    assert files.status()["state"] == "closed"


def test_a_server_that_is_gone_opens_the_breaker_and_then_costs_nothing(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = files_at("http://127.0.0.1:9", failures=2)
    for _ in range(2):
        with pytest.raises(Unavailable):
            files.put("files/x/5", HELLO)

    begun = time.monotonic()
    with pytest.raises(Unavailable) as refused:
        files.put("files/x/5", HELLO)

    assert time.monotonic() - begun < 5
    assert files.status()["state"] == "open"
    assert refused.value.retry_after


def test_a_server_that_is_back_may_be_asked_before_its_breaker_would(tmp_path: Path) -> None:
    server = S3Server(tmp_path)
    files = files_at(server.url, failures=1)
    with pytest.raises(Unavailable):
        files.size("files/x/7")
    files.check()
    with pytest.raises(Unavailable):
        files.size("files/x/7")

    with server:
        files.check()

        assert files.size("files/x/7") is None


def test_a_server_that_hangs_holds_no_more_callers_than_it_has_seats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_files, "READ_SECONDS", 1.5)
    monkeypatch.setattr(s3_files, "TRIES", 1)
    monkeypatch.setattr(s3_files, "SEATS", 2)
    monkeypatch.setattr(s3_files, "SEAT_SECONDS", 0.1)
    with S3Server(tmp_path) as server:
        files = files_at(server.url, failures=50)
        files.put("files/x/6", HELLO)
        server.freeze()
        together, told = Barrier(8), list[str]()

        def ask() -> None:
            together.wait(60)
            with pytest.raises(Unavailable) as refused:
                files.size("files/x/6")
            told.append(str(refused.value.detail))

        callers = [Thread(target=ask) for _ in range(8)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        server.thaw()

        assert Counter(told) == {SILENT: 2, BUSY: 6}
        assert files.size("files/x/6") == len(HELLO)


def test_every_wait_is_bounded() -> None:
    config: Any = s3_client(REGION, "http://127.0.0.1:9", KEY_ID, SECRET).meta.config

    assert (config.connect_timeout, config.read_timeout) == (s3_files.CONNECT_SECONDS, s3_files.READ_SECONDS)
