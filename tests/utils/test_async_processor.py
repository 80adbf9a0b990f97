"""One bounded pool per process."""

import logging
import threading

import pytest

from utils.async_processor import AsyncProcessor
from utils.context import caused_by, request_id


def test_no_more_is_taken_than_can_run_at_once() -> None:
    processor, go_on = AsyncProcessor(2), threading.Event()

    taken = [processor.try_submit(go_on.wait, 5) for _ in range(3)]

    assert taken == [True, True, False]
    go_on.set()
    assert processor.drain(5).running == 0


@pytest.mark.expects_errors
def test_a_failure_is_logged_and_frees_its_seat(caplog: pytest.LogCaptureFixture) -> None:
    processor = AsyncProcessor(1)

    with caplog.at_level(logging.ERROR):
        processor.try_submit(int, "not a number")
        assert processor.drain(5).running == 0

    assert "background work failed" in caplog.text


def test_what_runs_knows_which_request_caused_it() -> None:
    processor, seen = AsyncProcessor(1), []

    with caused_by("a-request"):
        processor.try_submit(lambda: seen.append(request_id()))

    processor.drain(5)
    assert seen == ["a-request"]


def test_draining_tells_how_many_are_still_at_work() -> None:
    processor, go_on = AsyncProcessor(1), threading.Event()
    processor.try_submit(go_on.wait, 5)

    late = processor.drain(0.05)

    assert late.running == 1
    go_on.set()
