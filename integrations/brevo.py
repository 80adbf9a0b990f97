"""Email and SMS through Brevo. Nothing here repeats a call: that is for the caller to decide."""

import re
from collections.abc import Callable, Mapping
from html import escape
from typing import Any, Final

import sib_api_v3_sdk

from integrations.brevo_account import balance_of
from integrations.brevo_answers import faulty, outcome
from integrations.brevo_client import Answer, BrevoClient, Silence
from services.notifications.sms import Encoding, sms_segments
from services.ports import JSON, Balance, Busy, Channel, Health, Limit, Message, SendOutcome, SendUnit
from utils.resilient_services import Breaker

MAX_VERSIONS: Final = 1000
NAME_LENGTH: Final = 70
SMS_SENDER: Final = re.compile(r"[A-Za-z0-9 ]{1,11}|[0-9]{1,15}")
ACCOUNT_SECONDS: Final = 4.0
# What Brevo publishes for POST /smtp/email: 1,000 calls a second, of those with several versions 6,000 an
# hour; for SMS 150 calls a second.
EMAIL_LIMITS: Final = (Limit("second", 1000, 1.0, burst=100), Limit("hour", 6000, 3600.0, burst=1200))
SMS_LIMITS: Final = (Limit("second", 150, 1.0, burst=30),)
TEMPLATE_MARK: Final = re.compile(r"\{(?=[{%#])")


class BrevoSender:
    """What both channels share: the breaker in front of the call, and what is shown to people."""

    provider = "brevo"
    confirms_delivery: bool = False
    keyed: bool
    limits: tuple[Limit, ...]

    def __init__(self, client: BrevoClient, breaker: Breaker, channel: Channel) -> None:
        self.channel, self.account = channel, client.account
        self._client, self._breaker = client, breaker

    def status(self) -> Mapping[str, JSON]:
        """Return the adapter's state for people."""
        return {"provider": "brevo", "channel": self.channel.value, "breaker": self._breaker.status()}

    def ready_in(self) -> float:
        """Return the seconds until the breaker lets a call through."""
        return self._breaker.retry_after()

    def check(self) -> Health:
        """Ask Brevo for the account, outside the breaker; any answer lets an open breaker probe at once."""
        came = self._ask()
        said = came.reason if isinstance(came, Silence) else f"answered {came.status}"
        return Health("brevo", isinstance(came, Answer) and came.status == 200, said)

    def balance(self) -> Balance:
        """Ask Brevo what the account may still send over this channel."""
        return balance_of(self._ask(), self.channel)

    def _ask(self) -> Answer | Silence:
        account = sib_api_v3_sdk.AccountApi(self._client.sdk).get_account
        came = self._client.call(account, seconds=ACCOUNT_SECONDS)
        if not faulty(came):
            self._breaker.try_now()
        return came

    def _post(self, method: Callable[..., Any], body: object, unit: SendUnit) -> SendOutcome:
        if not self._breaker.allow():
            return Busy("Brevo: waiting after repeated faults", self._breaker.retry_after())
        came = self._client.call(method, body)
        result = outcome(came, unit.messages, keyed=self.keyed)
        if faulty(came):
            self._breaker.failed(came.reason if isinstance(came, Silence) else f"answered {came.status}")
        else:
            self._breaker.succeeded()
        return result


class BrevoEmail(BrevoSender):
    """One call for a whole unit. Brevo knows a repeated unit by its key for 15 to 30 minutes; we plan for 10.

    A webhook finds its delivery by the message id, or where the key was repeated and no ids came back, by the
    delivery id in ``X-Mailin-custom`` and the unit's tag.
    """

    keyed = True
    limits: tuple[Limit, ...] = EMAIL_LIMITS
    repeat_seconds: float = 600.0

    def __init__(
        self, client: BrevoClient, breaker: Breaker, sender_email: str, sender_name: str, unit_size: int = 100
    ) -> None:
        super().__init__(client, breaker, Channel.EMAIL)
        if not sender_email or not 1 <= unit_size <= MAX_VERSIONS:
            raise ValueError("SENDER_EMAIL must be set, and a unit holds 1 to 1000 messages")
        self.unit_size = unit_size
        self._sender = {"email": sender_email} | ({"name": sender_name} if sender_name else {})
        self._send = sib_api_v3_sdk.TransactionalEmailsApi(client.sdk).send_transac_email

    def send(self, unit: SendUnit) -> SendOutcome:
        """Hand the unit over once."""
        return self._post(self._send, self._body(unit), unit)

    def _body(self, unit: SendUnit) -> object:
        placeholder = f"A message from {self._sender.get('name', 'us')}"
        return sib_api_v3_sdk.SendSmtpEmail(
            sender=self._sender,
            # Brevo wants these before a version may have its own; they hold nothing of anybody's message.
            subject=placeholder,
            html_content=f"<p>{inert_html(placeholder)}</p>",
            text_content=inert_text(placeholder),
            # Plain dicts: the SDK's class for a version lacks the content fields that the API documents.
            message_versions=[_version(message) for message in unit.messages],
            headers={"idempotencyKey": unit.key},
            tags=[unit.tag] if unit.tag else None,
        )


class BrevoSms(BrevoSender):
    """One message a call. Brevo has no key for SMS, so an ambiguous call must never be repeated by itself.

    The delivery id is the tag, which every webhook about the message carries.
    """

    keyed = False
    limits: tuple[Limit, ...] = SMS_LIMITS
    unit_size: int = 1
    repeat_seconds: float = 0.0

    def __init__(self, client: BrevoClient, breaker: Breaker, sender: str) -> None:
        super().__init__(client, breaker, Channel.SMS)
        if not SMS_SENDER.fullmatch(sender):
            raise ValueError("SMS_SENDER must be 1 to 11 letters and digits, or up to 15 digits")
        self._sender = sender
        self._send = sib_api_v3_sdk.TransactionalSMSApi(client.sdk).send_transac_sms

    def send(self, unit: SendUnit) -> SendOutcome:
        """Hand the one message of the unit over once."""
        (message,) = unit.messages
        body = sib_api_v3_sdk.SendTransacSms(
            sender=self._sender,
            recipient=message.to,
            content=message.text,
            type="transactional",
            tag=message.delivery_id,
            unicode_enabled=sms_segments(message.text).encoding is Encoding.UCS_2,
        )
        return self._post(self._send, body, unit)


def inert_html(html: str) -> str:
    """Return the same page with every mark of Brevo's own template language as an entity."""
    return TEMPLATE_MARK.sub("&#123;", html)


def inert_text(text: str) -> str:
    """Return the same text to the eye: a word joiner hides its braces from Brevo's templates."""
    return TEMPLATE_MARK.sub("{\u2060", text)


def as_html(text: str) -> str:
    """Return a page that shows a plain text as it is."""
    return f'<div style="white-space:pre-wrap">{escape(text)}</div>'


def _version(message: Message) -> dict[str, object]:
    name = " ".join(inert_text(message.name).split())[:NAME_LENGTH]
    return {
        "to": [{"email": message.to} | ({"name": name} if name else {})],
        "subject": inert_text(message.subject),
        "textContent": inert_text(message.text),
        # never left out: a version without one would be sent with the placeholder of the call
        "htmlContent": inert_html(message.html or as_html(message.text)),
        "headers": {"X-Mailin-custom": message.delivery_id},
    }
