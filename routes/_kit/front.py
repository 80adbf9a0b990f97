"""What stands in front of Flask and of the sockets, so that it holds for whatever answers.

From the outside in: headers that guard every reply, who the proxies say is asking, HTTPS, and paths as sent.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from config.settings import Settings
from routes._kit.errors import refuse
from utils.problems import HttpsRequired

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]
Wsgi: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]
Headers: TypeAlias = list[tuple[str, str]]

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
DOCS_CSP: Final = CSP.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")  # Swagger UI needs it
# What each reply has that does not say otherwise itself; a view may ask for less still.
GUARDS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CSP,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
HSTS: Final = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
ENCODED_SLASH: Final = re.compile("%2f", re.IGNORECASE)


def install(app: Flask, settings: Settings) -> None:
    """Put it in front of a finished app: of what was wrapped around Flask before, too."""
    inner: Wsgi = exact_path(app.wsgi_app)
    if count := settings.trusted_proxies:
        if settings.production:
            inner = https_only(inner, settings.link_base)
        inner = ProxyFix(inner, count, count, 0, 0)
    guards = GUARDS | HSTS if settings.production else GUARDS
    app.wsgi_app = guarded(inner, guards)  # type: ignore[method-assign, assignment]


def guarded(inner: Wsgi, guards: dict[str, str]) -> Wsgi:
    """Return ``inner`` with headers on each reply that lacks them."""
    for_docs = guards | {"Content-Security-Policy": DOCS_CSP}
    wanted = {name.lower(): (name, value) for name, value in guards.items()}
    wanted_for_docs = {name.lower(): (name, value) for name, value in for_docs.items()}

    def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        ours = wanted_for_docs if environ.get("PATH_INFO", "").startswith("/docs") else wanted

        def start(status: str, headers: Headers, *failure: Any) -> Any:
            there = {name.lower() for name, _ in headers}
            more = [pair for name, pair in ours.items() if name not in there]
            return start_response(status, [*headers, *more], *failure)

        return inner(environ, start)

    return serve


def https_only(inner: Wsgi, base: str) -> Wsgi:
    """Return ``inner`` for those alone of whom the trusted proxies say that they came by HTTPS.

    Who reads is sent to the address that people use, never to one that the request names; who sends is
    refused: the next one would go out in the clear again. What no proxy has passed on (a probe from the
    machine itself) is served.
    """

    def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("wsgi.url_scheme") == "https" or "HTTP_X_FORWARDED_PROTO" not in environ:
            return inner(environ, start_response)
        target = environ.get("RAW_URI", "/")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or not target.startswith("/"):
            return refuse(HttpsRequired(), start_response)
        start_response("308 Permanent Redirect", [("Location", base + target), ("Content-Length", "0")])
        return []

    return serve


def exact_path(inner: Wsgi) -> Wsgi:
    """Return ``inner`` for whom a slash that was sent encoded stays part of a name and separates nothing."""

    def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("RAW_URI", "").partition("?")[0]
        if path.startswith("/") and ENCODED_SLASH.search(path) and not environ.get("SCRIPT_NAME"):
            environ["PATH_INFO"] = unquote(ENCODED_SLASH.sub("%252F", path), "latin-1")
        return inner(environ, start_response)

    return serve
