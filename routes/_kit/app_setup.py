"""What every response has in common: request id, compression, CORS, one log line, figures."""

import logging
import time
from typing import Final

from flask import Flask, Response, g, request
from flask_compress import Compress
from flask_cors import CORS

from config.settings import Settings
from routes._kit import errors, limits, metrics, refresh_cookie, tokens
from utils.context import begin_request

logger = logging.getLogger("versant.requests")

EXPOSED: Final = ("ETag", "Retry-After", "X-Request-Id")  # what a frontend of another origin may read
SENT: Final = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "X-Device-Token",
    "X-Request-Id",
    "traceparent",
)
WITH_COOKIE: Final = r"/auth/(login|refresh|logout)$"  # the only routes that look at a cookie
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
QUIET: Final = ("/health/", "/metrics", "/static/", "/console/files/", "/docs/files/")


def install(app: Flask, settings: Settings, version: str) -> None:
    """Configure a fresh app."""
    app.config.update(
        PRODUCT_NAME=settings.product_name,
        VERSION=version,
        WEBHOOK_TOKENS=(settings.webhook_token, settings.webhook_token_previous),
        COMPRESS_MIN_SIZE=1024,
        COMPRESS_ALGORITHM=["zstd", "br", "gzip"],
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    errors.install(app)
    tokens.install(app, settings)
    refresh_cookie.install(app, settings)
    metrics.install(app, settings)
    Compress(app)
    if settings.cors_origins:
        CORS(
            app,
            resources={WITH_COOKIE: {"supports_credentials": True}, r"/.*": {}},
            origins=list(settings.cors_origins),
            methods=list(METHODS),
            allow_headers=list(SENT),
            expose_headers=list(EXPOSED),
            max_age=600,
        )
    app.before_request(_begin)
    limits.install(app)
    app.after_request(_named)
    app.after_request(_log)


def _begin() -> None:
    g.begun = time.perf_counter()
    begin_request(errors.request_id(), errors.trace_id())


def _named(response: Response) -> Response:
    """Add the id of the request. What else guards every reply is added in front of the app."""
    response.headers["X-Request-Id"] = errors.request_id()
    if not response.content_length and response.status_code == 200 and request.method == "OPTIONS":
        response.headers.pop("Content-Type", None)
    return response


def _log(response: Response) -> Response:
    """Log one line per request: route, status, duration and who; never a query, a body or an address."""
    rule = request.url_rule.rule if request.url_rule else "unknown"
    seconds = time.perf_counter() - g.get("begun", time.perf_counter())
    metrics.observe(rule, request.method, response.status_code, seconds)
    if not request.path.startswith(QUIET):
        logger.info(
            "request",
            extra={
                "method": request.method,
                "route": rule,
                "status": response.status_code,
                "ms": round(seconds * 1000, 1),
                "actor": g.get("actor_id"),
            },
        )
    return response
