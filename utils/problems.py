"""Errors that a client may see. Each subclass of Problem is one RFC 9457 problem type."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, ClassVar


class Problem(Exception):
    """Something went wrong that nobody foresaw. The log has the rest, under the request's id."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    title: ClassVar[str] = "Internal server error"

    def __init__(self, detail: str = "", *, retry_after: float | None = None, **extensions: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.retry_after = retry_after
        self.extensions = extensions

    @classmethod
    def slug(cls) -> str:
        """Return the kebab-case name that ends the type URI, e.g. ``batch-not-found``."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()

    @classmethod
    def kinds(cls) -> Iterator[type["Problem"]]:
        """Yield this problem type and every one below it."""
        yield cls
        for child in cls.__subclasses__():
            yield from child.kinds()

    def as_dict(self, instance: str) -> dict[str, Any]:
        """Return the members of the problem document."""
        body = {"type": f"/problems/{self.slug()}", "title": self.title, "status": int(self.status)}
        detail = {"detail": self.detail} if self.detail else {}
        return body | {"instance": instance} | detail | self.extensions


class Malformed(Problem):
    """The request is not what its content type says. Send JSON, or a multipart form where a file goes."""

    status, title = HTTPStatus.BAD_REQUEST, "The request cannot be read"


class Unauthorized(Problem):
    """No access token, or one that is expired, revoked or not ours. Log in or refresh."""

    status, title = HTTPStatus.UNAUTHORIZED, "Authentication is required"


class Forbidden(Problem):
    """You are known, and your role does not grant this. An administrator can change what you may do."""

    status, title = HTTPStatus.FORBIDDEN, "Your role does not grant this permission"


class NotFound(Problem):
    """It does not exist, or not for you."""

    status, title = HTTPStatus.NOT_FOUND, "No such resource"


class Conflict(Problem):
    """The resource is in a state that does not allow this. Read it again."""

    status, title = HTTPStatus.CONFLICT, "The resource is not in a state that allows this"


class Gone(Problem):
    """It was here once and is used up. Ask for a new one."""

    status, title = HTTPStatus.GONE, "This is no longer available"


class Stale(Problem):
    """Somebody changed it since you read it (``If-Match``). Read it again, then repeat your change."""

    status, title = HTTPStatus.PRECONDITION_FAILED, "It was changed since you read it"


class TooLarge(Problem):
    """The body is larger than this route takes."""

    status, title = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too large"


class UriTooLong(Problem):
    """The address is longer than this server takes. Send in the body what can stand there."""

    status, title = HTTPStatus.REQUEST_URI_TOO_LONG, "The address is too long"


class HeadersTooLarge(Problem):
    """The headers together are larger than this server takes."""

    status, title = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large"


class HttpsRequired(Problem):
    """The request came in the clear. Use the ``https://`` address; change what you sent if it was secret."""

    status, title = HTTPStatus.FORBIDDEN, "Only HTTPS is served"


class UnsupportedType(Problem):
    """The body has a content type that this route does not take."""

    status, title = HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The content type is not supported"


class Invalid(Problem):
    """Some fields are wrong; ``errors`` names each by JSON pointer and says what is expected."""

    status, title = HTTPStatus.UNPROCESSABLE_ENTITY, "Some fields are not valid"

    @classmethod
    def field(cls, name: str, detail: str) -> "Invalid":
        """Return the problem for one wrong field."""
        return cls(errors=[{"pointer": f"/{name}", "detail": detail}])


class TooMany(Problem):
    """Too many requests of this kind. Wait for ``Retry-After`` seconds."""

    status, title = HTTPStatus.TOO_MANY_REQUESTS, "Too many requests"


class Unavailable(Problem):
    """Something this server needs does not answer now. What you sent may or may not have been done: repeat it
    with the same ``Idempotency-Key`` after ``Retry-After`` seconds."""

    status, title = HTTPStatus.SERVICE_UNAVAILABLE, "A dependency is not available"
