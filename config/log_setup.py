"""Structured logs: one JSON object a line on standard error."""

import logging
import sys
import time
from collections.abc import Callable, Mapping

from pythonjsonlogger.json import JsonFormatter

QUIET = ("werkzeug", "pymongo", "urllib3", "botocore", "socketio", "engineio", "geventwebsocket")


class _Causes(logging.Filter):
    """Adds what caused a line, where it is known: the request, its trace, the person."""

    def __init__(self, causes: Mapping[str, Callable[[], str]]) -> None:
        super().__init__()
        self._causes = causes

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, with its causes."""
        for name, cause in self._causes.items():
            if found := cause():
                setattr(record, name, found)
        return True


def _json() -> logging.Formatter:
    """Return what makes a line: times are in UTC, whatever the machine's zone."""
    lines = JsonFormatter(
        "%(asctime)s %(levelname)s %(name)s %(message)s",
        rename_fields={"asctime": "at", "levelname": "level", "name": "logger"},
    )
    lines.converter = time.gmtime
    lines.default_time_format, lines.default_msec_format = "%Y-%m-%dT%H:%M:%S", "%s.%03dZ"
    return lines


def setup_logs(level: str, causes: Mapping[str, Callable[[], str]]) -> None:
    """Send everything that is logged to standard error as JSON, with its causes by name."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_json())
    handler.addFilter(_Causes(causes))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
