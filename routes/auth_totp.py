"""/auth/totp: the second factor of whoever asks. No reply here is ever kept (``Idempotency-Key``)."""

from flask import Blueprint

from models import Actor
from routes._kit.devices import caller
from routes._kit.endpoint import SIGNED_IN, route
from routes._kit.services import services
from services.accounts.own_factor import NoSecondFactor, SecondFactorExists, SecondFactorNotBegun
from services.accounts.schemas import CodeIn, FactorBegunOut, RecoveryCodesOut
from services.accounts.second_factor import WrongCode
from services.accounts.throttle import TooManyAttempts

bp = Blueprint("auth_totp", __name__, url_prefix="/auth/totp")


@route(
    bp,
    "POST",
    "/begin",
    permission=SIGNED_IN,
    fresh=True,
    before_second_factor=True,
    raises=[SecondFactorExists],
)
def begin(actor: Actor) -> FactorBegunOut:
    """Get a secret for your authenticator app, as text, address and picture. It is shown this once."""
    return services().own_factor.begin(actor)


@route(
    bp,
    "POST",
    "/confirm",
    permission=SIGNED_IN,
    before_second_factor=True,
    raises=[SecondFactorNotBegun, WrongCode, TooManyAttempts],
)
def confirm(body: CodeIn, actor: Actor) -> RecoveryCodesOut:
    """Prove that the app has the secret: from now on each login asks for a code. Your other sessions end.

    The reply has ten recovery codes, shown this once: each lets you in once without the app.
    """
    return services().own_factor.confirm(actor, body.code, caller())


@route(
    bp,
    "POST",
    "/recovery_codes",
    permission=SIGNED_IN,
    fresh=True,
    raises=[NoSecondFactor, WrongCode, TooManyAttempts],
)
def renew_recovery_codes(body: CodeIn, actor: Actor) -> RecoveryCodesOut:
    """Get ten new recovery codes for a code of your second factor; the old ones end."""
    return services().own_factor.renew_codes(actor, body.code, caller())


@route(
    bp,
    "DELETE",
    "",
    permission=SIGNED_IN,
    status=204,
    fresh=True,
    raises=[NoSecondFactor, WrongCode, TooManyAttempts],
)
def remove(body: CodeIn, actor: Actor) -> None:
    """Remove your second factor with one of its codes; logins ask for the password alone."""
    services().own_factor.remove(actor, body.code, caller())
