"""What travels with a piece of work: the request that caused it, its trace, and who asked."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import Final

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_trace_id: ContextVar[str] = ContextVar("trace_id", default="")
_principal: ContextVar[str] = ContextVar("principal", default="")

TRAVELS: Final = (_request_id, _trace_id, _principal)


def request_id() -> str:
    """Return the id of the request that caused what runs now; empty where there was none."""
    return _request_id.get()


def trace_id() -> str:
    """Return the trace over several services that the request is part of; empty if the caller named none."""
    return _trace_id.get()


def principal() -> str:
    """Return the id of whoever asked for what runs now; empty where nobody was signed in."""
    return _principal.get()


CAUSES: Final[Mapping[str, Callable[[], str]]] = {
    "request_id": request_id,
    "trace_id": trace_id,
    "principal": principal,
}


def begin_request(request: str, trace: str = "") -> None:
    """Mark everything that this thread does from now on as caused by this request, of nobody yet."""
    _request_id.set(request)
    _trace_id.set(trace)
    _principal.set("")


def acts_for(actor_id: str) -> None:
    """Mark everything that this thread does for this request from now on as asked for by this person."""
    _principal.set(actor_id)


@contextmanager
def caused_by(request: str) -> Iterator[None]:
    """Mark what runs inside as caused by this request."""
    token = _request_id.set(request)
    try:
        yield
    finally:
        _request_id.reset(token)


def carried() -> Context:
    """Return a context for work on another thread: what travels, and nothing else.

    An open transaction stays behind (a session of MongoDB's driver belongs to one thread), and so do the
    driver's time limits and Flask's request, which may be over before the work begins.
    """
    fresh = Context()
    for variable in TRAVELS:
        fresh.run(variable.set, variable.get())
    return fresh
