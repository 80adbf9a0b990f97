"""Structured logs: one JSON object a line on standard error."""

import logging
import sys
from collections.abc import Callable

from pythonjsonlogger.json import JsonFormatter

QUIET = ("werkzeug", "pymongo", "urllib3", "botocore", "socketio", "engineio", "geventwebsocket")


class _Cause(logging.Filter):
    """Adds the id of the request that caused a line."""

    def __init__(self, cause: Callable[[], str]) -> None:
        super().__init__()
        self._cause = cause

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, with its cause."""
        record.request_id = self._cause()
        return True


def setup_logs(level: str, cause: Callable[[], str]) -> None:
    """Send everything that is logged to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s",
            rename_fields={"asctime": "at", "levelname": "level", "name": "logger"},
        )
    )
    handler.addFilter(_Cause(cause))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
