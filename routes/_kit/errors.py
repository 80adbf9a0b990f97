"""Every error leaves as application/problem+json."""

import json
import logging
import math
import re
import uuid
from collections.abc import Callable
from typing import Final

from flask import Flask, Response, g, request
from pymongo.errors import PyMongoError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from utils.problems import Malformed, Problem, TooLarge, Unauthorized, Unavailable
from utils.store import DatabaseAway

logger = logging.getLogger(__name__)

TRACE_PARENT: Final = re.compile("[0-9a-f]{2}-(?P<trace>(?!0{32})[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
KNOWN_HTTP: dict[int, type[Problem]] = {400: Malformed, 413: TooLarge}


def install(app: Flask) -> None:
    """Register the handlers; the most specific class wins."""
    app.register_error_handler(Problem, problem_response)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(PyMongoError, database_error)
    app.register_error_handler(Exception, unforeseen)


def problem_response(problem: Problem) -> Response:
    """Render a problem."""
    body = json.dumps(problem.as_dict(instance=instance()), ensure_ascii=False)
    response = Response(body, int(problem.status), mimetype="application/problem+json")
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(problem.retry_after)))
    if isinstance(problem, Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def refuse(problem: Problem, start_response: Callable[..., object]) -> list[bytes]:
    """Answer with a problem in front of the app, where there is no request yet."""
    body = json.dumps(problem.as_dict(f"urn:uuid:{uuid.uuid4()}")).encode()
    headers = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(body)))]
    if problem.retry_after is not None:
        headers.append(("Retry-After", str(max(1, math.ceil(problem.retry_after)))))
    start_response(f"{int(problem.status)} {problem.status.phrase}", headers)
    return [body]


def http_error(error: HTTPException) -> Response:
    """405, unknown URLs and the like: type about:blank, title is the HTTP phrase (RFC 9457, 4.2.1)."""
    if error.code in KNOWN_HTTP:
        return problem_response(KNOWN_HTTP[error.code]())
    body = {"type": "about:blank", "title": error.name, "status": error.code, "instance": instance()}
    response = Response(json.dumps(body), error.code, mimetype="application/problem+json")
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def database_error(error: PyMongoError) -> Response:
    """Answer 503; the log has the rest, without the command, which may hold personal data."""
    if not isinstance(error, DatabaseAway):  # of that the log has heard already
        logger.error("database error on %s: %s", request.path, type(error).__name__)
    return problem_response(Unavailable("The database does not answer.", retry_after=2))


def unforeseen(error: Exception) -> Response:
    """Answer 500 without a word of the cause; the log has it under the request's id."""
    logger.exception("unforeseen error on %s", request.path, exc_info=error)
    return problem_response(Problem())


def request_id() -> str:
    """Return the id of this request: the caller's, if it is a UUID, else a new one."""
    if "request_id" not in g:
        g.request_id = _given() or str(uuid.uuid4())
    return str(g.request_id)


def trace_id() -> str:
    """Return the trace that the caller names (W3C Trace Context); empty without one."""
    said = TRACE_PARENT.fullmatch(request.headers.get("traceparent", ""))
    return said["trace"] if said else ""


def instance() -> str:
    """Return the URN of this request."""
    return f"urn:uuid:{request_id()}"


def _given() -> str | None:
    try:
        return str(uuid.UUID(request.headers["X-Request-Id"]))
    except (KeyError, ValueError):
        return None
