"""/auth: login, refresh, logout, the own account, and passwords."""

from flask import Blueprint, current_app, request

from models import Actor
from routes._kit import refresh_cookie, tokens
from routes._kit.devices import caller, remember
from routes._kit.endpoint import PUBLIC, SIGNED_IN, route
from routes._kit.refresh_cookie import CrossSiteRequest
from routes._kit.services import services
from services.accounts.authentication import TokenReused
from services.accounts.credentials import PasswordChangedMeanwhile
from services.accounts.documents import LinkPurpose
from services.accounts.door import LoginFailed, WrongPassword
from services.accounts.links import LinkNotValid
from services.accounts.passwords import WeakPassword
from services.accounts.schemas import (
    AccountOut,
    ForgottenIn,
    LinkPasswordIn,
    LoginIn,
    LoginOut,
    MeOut,
    PasswordChangeIn,
    ProofIn,
    RefreshIn,
    TokensOut,
)
from services.accounts.second_factor import SecondFactorRequired, WrongCode
from services.accounts.throttle import TooManyAttempts
from utils.problems import Unauthorized, Unavailable

bp = Blueprint("auth", __name__, url_prefix="/auth")


@route(
    bp,
    "POST",
    "/login",
    permission=PUBLIC,
    raises=[LoginFailed, SecondFactorRequired, CrossSiteRequest, TooManyAttempts, Unavailable],
)
def login(body: LoginIn) -> LoginOut:
    """Log in by username, mobile number or email address.

    A browser may ask for a cookie with the refresh token, which no script can read.
    """
    if body.cookie:
        refresh_cookie.require_place()
    done = services().authentication.login(body.username, body.password, body.totp, caller())
    return LoginOut(
        access_token=tokens.mint(done.session),
        refresh_token=_told(done.refresh_token, by_cookie=body.cookie),
        expires_in=_seconds(),
        user=AccountOut.of(done.user),
        device_token=remember(done.device),
    )


@route(bp, "POST", "/refresh", permission=PUBLIC, raises=[Unauthorized, TokenReused, CrossSiteRequest])
def refresh(body: RefreshIn | None) -> TokensOut:
    """Trade a refresh token for a new pair; each works once. Without one in the body the cookie is traded."""
    given = body.refresh_token if body else None
    session, refresh_token = services().authentication.refresh(given or refresh_cookie.token(), caller())
    return TokensOut(
        access_token=tokens.mint(session),
        refresh_token=_told(refresh_token, by_cookie=given is None),
        expires_in=_seconds(),
    )


@route(bp, "POST", "/logout", permission=SIGNED_IN, status=204, before_password_change=True)
def logout(actor: Actor) -> None:
    """End the session of this access token, and have the browser forget its cookie."""
    refresh_cookie.forget()
    services().authentication.logout(actor)


@route(
    bp,
    "POST",
    "/confirm",
    permission=SIGNED_IN,
    status=204,
    before_second_factor=True,
    raises=[WrongPassword, WrongCode, TooManyAttempts, Unavailable],
)
def confirm(body: ProofIn, actor: Actor) -> None:
    """Prove anew who you are, before you do something dangerous in a session that is not quite new."""
    services().authentication.confirm(actor, body.password, body.code, caller())


@route(bp, "GET", "/me", permission=SIGNED_IN, before_password_change=True)
def me(actor: Actor) -> MeOut:
    """Read the own account and what it may do."""
    return MeOut.seen(services().authentication.user(actor), actor)


@route(
    bp,
    "POST",
    "/change_password",
    permission=SIGNED_IN,
    status=204,
    before_password_change=True,
    raises=[WrongPassword, WrongCode, WeakPassword, PasswordChangedMeanwhile, TooManyAttempts, Unavailable],
)
def change_password(body: PasswordChangeIn, actor: Actor) -> None:
    """Choose another password; every other session of yours ends."""
    services().credentials.change(actor, body.current_password, body.new_password, body.code, caller())


@route(bp, "POST", "/forgot_password", permission=PUBLIC, status=202, raises=[TooManyAttempts])
def forgot_password(body: ForgottenIn) -> None:
    """Ask for a reset link. The answer is the same whether or not there is such an account."""
    services().forgotten.request(body.username, _address())


@route(
    bp,
    "POST",
    "/reset_password",
    permission=PUBLIC,
    status=204,
    raises=[LinkNotValid, WeakPassword, PasswordChangedMeanwhile, TooManyAttempts, Unavailable],
)
def reset_password(body: LinkPasswordIn) -> None:
    """Set a new password by the link of a reset message; every session ends."""
    services().credentials.set_by_link(LinkPurpose.RESET, body.token, body.new_password, _address())


@route(
    bp,
    "POST",
    "/activate",
    permission=PUBLIC,
    status=204,
    raises=[LinkNotValid, WeakPassword, PasswordChangedMeanwhile, TooManyAttempts, Unavailable],
)
def activate(body: LinkPasswordIn) -> None:
    """Set the first password by the link of a credentials message."""
    services().credentials.set_by_link(LinkPurpose.ACTIVATE, body.token, body.new_password, _address())


def _told(refresh_token: str, *, by_cookie: bool) -> str | None:
    """Return what the reply says of a refresh token: nothing where the browser keeps it."""
    if not by_cookie:
        return refresh_token
    refresh_cookie.keep(refresh_token)
    return None


def _address() -> str:
    return request.remote_addr or ""


def _seconds() -> int:
    return int(current_app.config["JWT_ACCESS_TOKEN_EXPIRES"].total_seconds())
