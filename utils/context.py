"""What travels with a piece of work: the id of the request that caused it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_request_id: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """Return the id of the request that caused what runs now; empty where there was none."""
    return _request_id.get()


def begin_request(request: str) -> None:
    """Mark everything that this thread does from now on as caused by this request."""
    _request_id.set(request)


@contextmanager
def caused_by(request: str) -> Iterator[None]:
    """Mark what runs inside as caused by this request."""
    token = _request_id.set(request)
    try:
        yield
    finally:
        _request_id.reset(token)
