"""What an answer of Brevo means for the messages: taken, refused, later, blocked, or not known."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from integrations.brevo_client import Answer, Silence
from services.ports import Accepted, Ambiguous, Blocked, Busy, Message, Refused, SendOutcome
from utils.text import HIDDEN, impersonal

REPEATED_KEY: Final = "duplicate_parameter"
ACCOUNT_CODES: Final = frozenset(
    {
        "unauthorized",
        "not_enough_credits",
        "permission_denied",
        "reseller_permission_denied",
        "account_under_validation",
    }
)
# 403 says that the key or the account lacks a right, which is as true of every other message.
ACCOUNT_STATUSES: Final = frozenset({401, 402, 403})
WRONG_PLACE: Final = frozenset({301, 302, 303, 307, 308, 404, 405})
UNDECIDED: Final = frozenset({408, 425})
MAX_WAIT_SECONDS: Final = 3600.0
REASON_LENGTH: Final = 160
CODE: Final = re.compile("[a-z_]{1,40}")


def outcome(came: Answer | Silence, messages: Sequence[Message], *, keyed: bool) -> SendOutcome:
    """Return what became of ``messages``; ``keyed`` says whether Brevo knows a repeated unit by its key."""
    if isinstance(came, Silence):
        return Busy(f"Brevo: {came.reason}") if came.certain else Ambiguous(f"Brevo: {came.reason}")
    if 200 <= came.status < 300:
        return _accepted(came, len(messages))
    if came.status >= 500 or came.status in UNDECIDED:
        return Ambiguous(f"Brevo answered {came.status}")
    if came.status == 429:
        return Busy("Brevo: too many requests", retry_after(came.headers), throttled=True)
    return _refusal(came, messages, keyed=keyed)


def faulty(came: Answer | Silence) -> bool:
    """Tell whether the provider itself failed, which is what its breaker counts."""
    return isinstance(came, Silence) or came.status >= 500


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the provider asks for, at most an hour; None where it does not say."""
    for name in ("x-sib-ratelimit-reset", "retry-after"):
        try:
            seconds = float(headers.get(name, ""))
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return min(seconds, MAX_WAIT_SECONDS)
    return None


def short_reason(text: str, messages: Sequence[Message]) -> str:
    """Return a provider's sentence without anything of the messages, addresses, links or tokens in it."""
    for message in messages:
        for part in (message.to, message.name, message.subject, message.text, message.html):
            if len(part) > 2:
                text = text.replace(part, HIDDEN)
    return impersonal(text)[:REASON_LENGTH]


def _accepted(answer: Answer, count: int) -> SendOutcome:
    body = _json(answer.body)
    if body is None:
        return Ambiguous("Brevo's answer cannot be read")
    found = body.get("messageIds") or [body.get("messageId")]
    ids = tuple(str(one) for one in found if one) if isinstance(found, list) else ()
    return Accepted(ids if len(ids) == count else ())  # ids that do not line up would be somebody else's


def _refusal(answer: Answer, messages: Sequence[Message], *, keyed: bool) -> SendOutcome:
    body = _json(answer.body) or {}
    code, sentence = str(body.get("code", "")), str(body.get("message", ""))
    if keyed and code == REPEATED_KEY:
        return Accepted()
    said = (
        f"{answer.status} {code if CODE.fullmatch(code) else ''} {short_reason(sentence, messages)}".strip()
    )
    # Our sender stands in every message, so a fault in it is no fault of this one.
    if answer.status in ACCOUNT_STATUSES or code in ACCOUNT_CODES or "sender" in sentence.lower():
        return Blocked(f"Brevo: {said}")
    if answer.status in WRONG_PLACE and not code:
        return Blocked(f"Brevo: {answer.status}, so BREVO_API_URL is not its API")
    return Refused(said)


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
