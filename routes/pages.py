"""/activate and /reset: the small pages that one-time links open. Only what they post uses a link up."""

from flask import Blueprint, Response, render_template

from routes._kit.endpoint import PUBLIC, route
from routes._kit.services import services

bp = Blueprint("pages", __name__)


@route(bp, "GET", "/activate", permission=PUBLIC, media_type="text/html")
def activate_page() -> Response:
    """Show the form in which a new user sets a first password."""
    return _page(
        endpoint="/auth/activate",
        title="Set your password",
        lead="Your account is ready. Choose the password that you will log in with.",
        done="Your password is saved. You can close this page and log in.",
    )


@route(bp, "GET", "/reset", permission=PUBLIC, media_type="text/html")
def reset_page() -> Response:
    """Show the form in which somebody sets a new password."""
    return _page(
        endpoint="/auth/reset_password",
        title="Choose a new password",
        lead="When you save, every device that is logged in to your account is logged out.",
        done="Your new password is saved. You can close this page and log in.",
    )


def _page(**texts: str) -> Response:
    """Return the page. It never holds the token: its script takes that out of the address."""
    shown = render_template("pages/set_password.html", shortest=services().password_choice.shortest, **texts)
    return Response(shown, mimetype="text/html", headers={"X-Robots-Tag": "noindex, nofollow"})
