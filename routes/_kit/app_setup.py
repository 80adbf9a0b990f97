"""What every response has in common: request id, security headers, compression, one log line, figures."""

import logging
import time
from collections.abc import Callable
from typing import Final

from flask import Flask, Response, g, request
from flask_compress import Compress
from flask_cors import CORS
from werkzeug.middleware.proxy_fix import ProxyFix

from config.settings import Settings
from routes._kit import errors, metrics, tokens
from utils.context import begin_request

logger = logging.getLogger("versant.requests")

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
DOCS_CSP: Final = CSP.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")  # Swagger UI needs it
EXPOSED: Final = ("ETag", "Retry-After", "X-Request-Id")  # what a frontend of another origin may read
QUIET: Final = ("/health/", "/metrics", "/static/", "/console/files/", "/docs/files/")


def install(app: Flask, settings: Settings, version: str) -> None:
    """Configure a fresh app."""
    app.config.update(
        PRODUCT_NAME=settings.product_name,
        VERSION=version,
        WEBHOOK_TOKENS=(settings.webhook_token, settings.webhook_token_previous),
        SECRET_KEY=settings.jwt_secret_key,
        COMPRESS_MIN_SIZE=1024,
        COMPRESS_ALGORITHM=["zstd", "br", "gzip"],
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    errors.install(app)
    tokens.install(app, settings)
    metrics.install(app, settings)
    Compress(app)
    if settings.cors_origins:
        CORS(app, origins=list(settings.cors_origins), expose_headers=list(EXPOSED), max_age=600)
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, count, count, 0, 0)  # type: ignore[method-assign]
    app.before_request(_begin)
    app.after_request(_headers(settings))
    app.after_request(_log)


def _begin() -> None:
    g.begun = time.perf_counter()
    begin_request(errors.request_id(), errors.trace_id())


def _headers(settings: Settings) -> Callable[[Response], Response]:
    def add(response: Response) -> Response:
        headers = response.headers
        headers["X-Request-Id"] = errors.request_id()
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        csp = DOCS_CSP if request.path.startswith("/docs") else CSP
        headers.setdefault("Content-Security-Policy", csp)  # a view may ask for less still
        if not request.path.startswith(("/static/", "/docs/files/")):
            headers.setdefault("Cache-Control", "no-store")
        if settings.production:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        return response

    return add


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
