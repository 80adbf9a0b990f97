"""Brevo's callbacks in Brevo's words, and what they mean in ours.

Brevo drops a callback that is refused: a whole batch of 500 events for one odd one. So nothing here refuses.
A field that is not as documented counts as absent, and an event without a known name is left out.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel

from services.batch_jobs.events import EventKind, ProviderEvent
from services.ports import Channel
from utils.text import impersonal

REASON_LENGTH: Final = 200
TEXT_LENGTH: Final = 1000
DELIVERY_ID: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{24}(?![0-9a-f])")
EARLIEST: Final = datetime(2020, 1, 1, tzinfo=UTC)
FUTURE: Final = timedelta(days=1)
MILLISECONDS: Final = 10_000_000_000  # seconds do not get there before the year 2286

EMAIL_KINDS: Final[Mapping[str, EventKind]] = {
    "request": EventKind.ACCEPTED,
    "sent": EventKind.ACCEPTED,
    "deferred": EventKind.DEFERRED,
    "delivered": EventKind.DELIVERED,
    "softbounce": EventKind.SOFT_BOUNCED,
    "error": EventKind.SOFT_BOUNCED,
    "hardbounce": EventKind.HARD_BOUNCED,
    "invalid": EventKind.INVALID,
    "invalidemail": EventKind.INVALID,
    "blocked": EventKind.REFUSED,
    "spam": EventKind.COMPLAINED,
    "complaint": EventKind.COMPLAINED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "unsubscribed": EventKind.UNSUBSCRIBED,
    "opened": EventKind.OPENED,
    "uniqueopened": EventKind.OPENED,
    "proxyopen": EventKind.OPENED,
    "uniqueproxyopen": EventKind.OPENED,
    "click": EventKind.OPENED,
}
SMS_KINDS: Final[Mapping[str, EventKind]] = {
    "sent": EventKind.ACCEPTED,
    "accepted": EventKind.ACCEPTED,
    "delivered": EventKind.DELIVERED,
    "replied": EventKind.OPENED,
    "softbounce": EventKind.SOFT_BOUNCED,
    "hardbounce": EventKind.HARD_BOUNCED,
    "rejected": EventKind.REFUSED,
    "skip": EventKind.REFUSED,
    "blacklisted": EventKind.BLACKLISTED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "unsubscribed": EventKind.UNSUBSCRIBED,
}


def _text(value: Any) -> str:
    plain = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value)[:TEXT_LENGTH] if plain else ""


def _texts(value: Any) -> str:
    """Return one text of a tag, of several, or of a list that was written as a text."""
    return " ".join(map(_text, value))[:TEXT_LENGTH] if isinstance(value, list) else _text(value)


def _moment(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**53 else None


def _objects(value: Any) -> Any:
    """Leave out of a batch what is no event at all."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else value


Text = Annotated[str, BeforeValidator(_text)]
Texts = Annotated[str, BeforeValidator(_texts)]
Moment = Annotated[int | None, BeforeValidator(_moment)]
Objects = BeforeValidator(_objects)


class BrevoEvent(BaseModel):
    """What both channels' events have in common, as far as we read it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    tag: Texts = Field("", description="for an SMS our delivery id")
    reason: Text = ""
    ts_event: Moment = Field(None, description="seconds, UTC")
    ts_epoch: Moment = Field(None, description="milliseconds or seconds, UTC")

    @property
    def at(self) -> datetime | None:
        """When it happened, if the event says so and it can be."""
        stamp = self.ts_event or self.ts_epoch
        if stamp is None:
            return None
        at = datetime.fromtimestamp(stamp / 1000 if stamp > MILLISECONDS else stamp, UTC)
        return at if EARLIEST < at < datetime.now(UTC) + FUTURE else None


class BrevoEmailEvent(BrevoEvent):
    """An event of a transactional email."""

    event: Text = Field("", examples=["delivered", "hard_bounce"])
    message: Text = Field("", alias="message-id", description="the id that sending it returned")
    custom: Text = Field("", alias="X-Mailin-custom", description="our delivery id")

    def told(self) -> ProviderEvent | None:
        """Return the event in our words; None for one that says nothing about a message."""
        kind = EMAIL_KINDS.get(_name(self.event))
        if kind is None:
            return None
        message_id = f"<{bare}>" if (bare := self.message.strip("<> ")) else ""
        reason = impersonal(self.reason)[:REASON_LENGTH]
        return ProviderEvent(Channel.EMAIL, kind, message_id, _delivery_id(self.custom), self.at, reason)


class BrevoSmsEvent(BrevoEvent):
    """An event of a transactional SMS."""

    msg_status: Text = Field("", examples=["delivered", "hard_bounce"])
    message: Text = Field("", alias="messageId", description="the id that sending it returned")
    description: Text = ""

    def told(self) -> ProviderEvent | None:
        """Return the event in our words; None for one that says nothing about a message."""
        kind = SMS_KINDS.get(_name(self.msg_status))
        if kind is None:
            return None
        reason = impersonal(self.reason or self.description)[:REASON_LENGTH]
        return ProviderEvent(Channel.SMS, kind, self.message, _delivery_id(self.tag), self.at, reason)


class BrevoEmailEvents(RootModel[Annotated[BrevoEmailEvent | list[BrevoEmailEvent], Objects]]):
    """One event, or a batch of them."""

    def told(self) -> list[ProviderEvent]:
        """Return what they say about messages."""
        events = self.root if isinstance(self.root, list) else [self.root]
        return [told for event in events if (told := event.told())]


class BrevoSmsEvents(RootModel[Annotated[BrevoSmsEvent | list[BrevoSmsEvent], Objects]]):
    """One event, or a batch of them."""

    def told(self) -> list[ProviderEvent]:
        """Return what they say about messages."""
        events = self.root if isinstance(self.root, list) else [self.root]
        return [told for event in events if (told := event.told())]


def _name(event: str) -> str:
    """Return the name of an event without its spelling: ``hard_bounce`` and ``hardBounce`` are one."""
    return event.lower().replace("_", "").replace("-", "").strip().removesuffix("s")


def _delivery_id(text: str) -> str:
    found = DELIVERY_ID.search(text)
    return found.group() if found else ""
