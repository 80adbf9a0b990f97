"""What stands in the log: one JSON object a line, whatever people type, with its time in UTC."""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest

from config.log_setup import setup_logs


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """Call it to read what was logged, as a process far from Greenwich writes it."""
    root, written = logging.getLogger(), StringIO()
    before = (root.handlers[:], root.level)
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    monkeypatch.setattr(sys, "stderr", written)
    setup_logs("INFO", {"request_id": lambda: "r1"})
    yield lambda: written.getvalue().splitlines()
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    monkeypatch.undo()
    time.tzset()


def test_a_line_is_one_json_object_with_a_time_in_utc(lines: Callable[[], list[str]]) -> None:
    logging.getLogger("versant.requests").info("request", extra={"status": 200})

    [line] = lines()
    said: dict[str, Any] = json.loads(line)
    at = said.pop("at")
    assert said == {
        "level": "INFO",
        "logger": "versant.requests",
        "message": "request",
        "status": 200,
        "request_id": "r1",
    }
    assert at.endswith("Z")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(at)) < timedelta(minutes=1)


def test_what_people_type_adds_no_line(lines: Callable[[], list[str]]) -> None:
    typed = 'Asha\n{"level": "INFO", "message": "all is well"}\r\x1b[2K\u2028\x00"'

    logging.getLogger("versant").warning("hello %s", typed, extra={"name_typed": typed})

    [line] = lines()
    assert json.loads(line)["name_typed"] == typed
    assert line.isascii()
    assert line.isprintable()
