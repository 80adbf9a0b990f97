"""/webhooks: what providers tell us afterwards about the messages that they took."""

import base64
import binascii
import hmac
from typing import Final

from flask import Blueprint, current_app, request

from config.constants import MAX_WEBHOOK_BYTES, MAX_WEBHOOK_KEYS
from routes._kit.endpoint import SIGNATURE, Limits, route
from routes._kit.services import services
from services.batch_jobs.brevo_events import BrevoEmailEvents, BrevoSmsEvents
from services.batch_jobs.events import EventsNotStored
from utils.problems import Unauthorized

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")

LIMITS: Final = Limits(MAX_WEBHOOK_BYTES, MAX_WEBHOOK_KEYS)


def prove() -> None:
    """Raise unless the caller shows the webhook token, as a bearer token or as a basic password."""
    given = _shown().encode("utf-8", "surrogateescape")
    known = [token.encode() for token in current_app.config["WEBHOOK_TOKENS"] if token]
    held = [hmac.compare_digest(given, token) for token in known]  # all of them, so that each takes its time
    if True not in held:
        raise Unauthorized()


@route(
    bp,
    "POST",
    "/brevo/email",
    permission=SIGNATURE,
    status=204,
    raises=[EventsNotStored],
    limits=LIMITS,
    proof=prove,
)
def brevo_email(body: BrevoEmailEvents) -> None:
    """Take events of emails from Brevo: one, or a batch. Whatever comes twice or late changes nothing."""
    services().events.take(body.told())


@route(
    bp,
    "POST",
    "/brevo/sms",
    permission=SIGNATURE,
    status=204,
    raises=[EventsNotStored],
    limits=LIMITS,
    proof=prove,
)
def brevo_sms(body: BrevoSmsEvents) -> None:
    """Take events of SMS from Brevo: one, or a batch. Whatever comes twice or late changes nothing."""
    services().events.take(body.told())


def _shown() -> str:
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return shown.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(shown, validate=True).decode("utf-8", "surrogateescape").partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
