"""Device tokens as they come in and go out: a header for programs, for browsers a cookie no script reads."""

from typing import Final

from flask import Response, after_this_request, request

from services.accounts.documents import DEVICE_DAYS
from services.accounts.known_devices import MOST_PRESENTED, TOKEN, Caller, Device

HEADER: Final = "X-Device-Token"
COOKIE: Final = "__Host-versant-devices"
DAY_SECONDS: Final = 24 * 3600


def caller() -> Caller:
    """Return where this request comes from."""
    return Caller(request.remote_addr or "", request.user_agent.string, _presented())


def remember(device: Device) -> str | None:
    """Let the browser keep a device's token, and return it if it is new. It lets nobody in by itself."""
    others = [token for token in _kept() if token != device.token]
    kept = ".".join([device.token, *others][:MOST_PRESENTED])

    @after_this_request
    def keep(response: Response) -> Response:
        age = DEVICE_DAYS * DAY_SECONDS
        response.set_cookie(COOKIE, kept, max_age=age, secure=True, httponly=True, samesite="Strict")
        return response

    return device.token if device.new else None


def _presented() -> tuple[str, ...]:
    given = request.headers.get(HEADER)
    return (given, *_kept()) if given else _kept()


def _kept() -> tuple[str, ...]:
    """Return the tokens of the cookie, the last used first: several people may share a browser."""
    tokens = request.cookies.get(COOKIE, "").split(".")[:MOST_PRESENTED]
    return tuple(token for token in tokens if TOKEN.fullmatch(token))
