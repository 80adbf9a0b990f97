"""The refresh token in a cookie, for browsers that ask for it: out of reach of scripts and of other sites."""

from typing import Final

from flask import Flask, Response, after_this_request, current_app, request

from config.settings import LOOPBACK, Settings
from utils.problems import Forbidden, Invalid, Unauthorized

NAME: Final = "__Host-refresh"  # the prefix: no other host, and no page without TLS, can have set it
OWN_PAGE: Final = "same-origin"
SAME_SITE: Final = "same-site"
DAY: Final = 24 * 3600


class CrossSiteRequest(Forbidden):
    """Where a cookie stands for a session, a page of this server or of a listed origin (``CORS_ORIGINS``) has
    to ask, and the browser has to say so (``Origin``, ``Sec-Fetch-Site``). Other programs send the refresh
    token in the body."""

    title = "The request does not come from a page of ours"


def install(app: Flask, settings: Settings) -> None:
    """Remember whose pages may use the cookie, and for how long it is kept."""
    app.config.update(
        PAGES=frozenset({settings.link_origin, *settings.cors_origins}),
        REFRESH_COOKIE_SECONDS=settings.refresh_token_days * DAY,
        REFRESH_COOKIE_SECURE=settings.link_base.startswith("https://"),
    )


def keep(token: str) -> None:
    """Have the browser keep this token; the reply then need not tell it."""

    @after_this_request
    def add(response: Response) -> Response:
        seconds = current_app.config["REFRESH_COOKIE_SECONDS"]
        response.set_cookie(NAME, token, seconds, secure=True, httponly=True, samesite="Strict")
        return response


def forget() -> None:
    """Have the browser forget its token, if it has one."""
    if NAME in request.cookies:
        after_this_request(_cleared)


def token() -> str:
    """Return the token that the browser has kept; raise CrossSiteRequest, or Unauthorized for none.

    One that is refused is forgotten.
    """
    kept = request.cookies.get(NAME)
    if not kept:
        raise Unauthorized()
    require_own_page()
    after_this_request(lambda response: _cleared(response) if response.status_code == 401 else response)
    return kept


def require_place() -> None:
    """Raise unless this browser may be given a cookie, and would keep it."""
    require_own_page()
    private = request.is_secure or current_app.config["REFRESH_COOKIE_SECURE"]
    if not private and not LOOPBACK.fullmatch(request.host):
        raise Invalid.field("cookie", "needs HTTPS: over an open line no browser keeps it")


def require_own_page() -> None:
    """Raise CrossSiteRequest unless the browser says that one of our pages asks."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin is None:
        ours = site == OWN_PAGE
    else:
        ours = site in (None, OWN_PAGE, SAME_SITE) and origin in (
            request.host_url.rstrip("/"),
            *current_app.config["PAGES"],
        )
    if not ours:
        raise CrossSiteRequest()


def _cleared(response: Response) -> Response:
    response.delete_cookie(NAME, secure=True, httponly=True, samesite="Strict")
    return response
