"""What a provider tells about a message afterwards, and what that makes of its delivery.

Events come twice, late, in any order, or never. Each kind has a rank, and the furthest one decides: so the
end is the same in whatever order they come, and a state only moves forward.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pymongo.errors import PyMongoError

from services.batch_jobs.documents import Delivery, DeliveryState, UnmatchedEvent
from services.batch_jobs.event_repository import EventRepository, Told
from services.batch_jobs.progress import Announcer
from services.notifications.documents import Suppression
from services.notifications.suppression import SuppressionService
from services.ports import Channel
from utils.clock import Clock
from utils.problems import TooMany

logger = logging.getLogger(__name__)

MOST_NOTES: Final = 100
TRIES: Final = 6
FIRST_PAUSE: Final = timedelta(seconds=5)


class EventKind(StrEnum):
    """What happened, in our words. A reader's own doings are not kept, only that the message was there."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    SOFT_BOUNCED = "soft bounced"
    DELIVERED = "delivered"
    OPENED = "opened"
    UNSUBSCRIBED = "unsubscribed"
    REFUSED = "refused"
    HARD_BOUNCED = "hard bounced"
    INVALID = "invalid address"
    BLACKLISTED = "blacklisted"
    COMPLAINED = "complained"


@dataclass(frozen=True, slots=True)
class Meaning:
    """``suppresses``: nothing more goes to the address. Not ``noted``: kept only where it moves the state."""

    state: DeliveryState
    rank: int
    suppresses: bool = False
    noted: bool = True


MEANINGS: Final = {
    EventKind.ACCEPTED: Meaning(DeliveryState.SENT, 1),
    EventKind.DEFERRED: Meaning(DeliveryState.SENT, 1),
    EventKind.SOFT_BOUNCED: Meaning(DeliveryState.BOUNCED, 2),
    EventKind.DELIVERED: Meaning(DeliveryState.DELIVERED, 3),
    EventKind.OPENED: Meaning(DeliveryState.DELIVERED, 3, noted=False),
    EventKind.UNSUBSCRIBED: Meaning(DeliveryState.DELIVERED, 3, suppresses=True),
    EventKind.REFUSED: Meaning(DeliveryState.BOUNCED, 4),
    EventKind.HARD_BOUNCED: Meaning(DeliveryState.BOUNCED, 4, suppresses=True),
    EventKind.INVALID: Meaning(DeliveryState.BOUNCED, 4, suppresses=True),
    EventKind.BLACKLISTED: Meaning(DeliveryState.BOUNCED, 4, suppresses=True),
    EventKind.COMPLAINED: Meaning(DeliveryState.COMPLAINED, 5, suppresses=True),
}


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """One event. ``message_id`` or ``delivery_id`` may be empty; ``at`` is the provider's time, if told."""

    channel: Channel
    kind: EventKind
    message_id: str
    delivery_id: str
    at: datetime | None
    reason: str = ""

    @property
    def digest(self) -> str:
        """The same for the same event, however often it comes."""
        parts = (self.channel, self.kind, self.message_id, self.delivery_id, self.at)
        return hashlib.sha256(repr(tuple(map(str, parts))).encode()).hexdigest()[:32]

    def find(self, deliveries: Mapping[tuple[Channel, str], Delivery]) -> Delivery | None:
        """Return the delivery that this is about: by the provider's id, else by ours."""
        by_theirs = deliveries.get((self.channel, self.message_id))
        return by_theirs or deliveries.get((self.channel, self.delivery_id))


class EventsNotStored(TooMany):
    """The events could not be stored now. Send them again after ``Retry-After`` seconds: Brevo repeats a
    callback that was answered with this status, and drops one that was answered with any other error."""

    title = "The events could not be stored now"


class EventService:
    """Applies events to deliveries. Everything it does may be done again."""

    def __init__(
        self, events: EventRepository, suppressions: SuppressionService, announcer: Announcer, clock: Clock
    ) -> None:
        self._events, self._suppressions = events, suppressions
        self._announcer, self._clock = announcer, clock

    def take(self, events: Sequence[ProviderEvent]) -> None:
        """Apply events, durably, before it returns; those of unknown messages are kept for a while."""
        try:
            unknown = self._apply(events)
            now = self._clock.now()
            self._events.keep([_unmatched(event, now) for event in unknown])
        except PyMongoError as error:
            logger.error("provider events were not stored: %s", type(error).__name__)
            raise EventsNotStored(retry_after=60) from None

    def try_again(self) -> None:
        """Apply kept events whose message is known by now: the answer to its call may have come later."""
        now = self._clock.now()
        for kept in self._events.due(now):
            if self._apply([_event(kept)]):
                again = kept.tries + 1 < TRIES
                self._events.postpone(kept, now + FIRST_PAUSE * 4 ** (kept.tries + 1) if again else None)
            else:
                self._events.forget(kept)

    def _apply(self, events: Sequence[ProviderEvent]) -> list[ProviderEvent]:
        """Apply what belongs to a delivery; return the rest."""
        found = self._events.deliveries(
            {e.delivery_id for e in events if e.delivery_id}, {e.message_id for e in events if e.message_id}
        )
        deliveries = {(one.channel, one.id): one for one in found} | {
            (one.channel, one.provider_message_id): one for one in found if one.provider_message_id
        }
        unknown, told = [], []
        for event in events:
            delivery = event.find(deliveries)
            if delivery is None:
                unknown.append(event)
            elif _is_news(event, delivery):
                told.append((delivery, event))
        self._write(told)
        return unknown

    def _write(self, told: Sequence[tuple[Delivery, ProviderEvent]]) -> None:
        now = self._clock.now()
        for delivery, event in told:
            if MEANINGS[event.kind].suppresses:
                self._suppressions.add(_suppression(delivery, event, now))
        self._events.apply([_told(delivery, event, now) for delivery, event in told])
        for job_id, campus_id in {(delivery.job_id, delivery.campus_id) for delivery, _ in told}:
            self._announcer.touch(job_id, campus_id)


def _is_news(event: ProviderEvent, delivery: Delivery) -> bool:
    """Tell whether an event moves a delivery or is to be noted, and was not there before."""
    meaning = MEANINGS[event.kind]
    if meaning.rank <= delivery.reported and (not meaning.noted or len(delivery.history) >= MOST_NOTES):
        return False
    known = [note for note in delivery.history if note.get("event") == event.kind]
    return not any(event.at is None or note["at"] == event.at for note in known)


def _told(delivery: Delivery, event: ProviderEvent, now: datetime) -> Told:
    meaning = MEANINGS[event.kind]
    return Told(
        delivery=delivery,
        kind=event.kind if meaning.noted else EventKind.DELIVERED,
        state=meaning.state,
        rank=meaning.rank,
        at=event.at or now,
        at_known=event.at is not None,
        message_id=event.message_id,
        reason=event.reason,
    )


def _suppression(delivery: Delivery, event: ProviderEvent, now: datetime) -> Suppression:
    return Suppression(
        campus_id=delivery.campus_id,
        channel=delivery.channel,
        address=delivery.to or "",
        reason=event.kind,
        recipient_id=delivery.recipient_id,
        name=delivery.name,
        delivery_id=delivery.id,
        since=event.at or now,
    )


def _unmatched(event: ProviderEvent, now: datetime) -> UnmatchedEvent:
    return UnmatchedEvent(
        id=event.digest,
        channel=event.channel,
        kind=event.kind,
        message_id=event.message_id,
        delivery_id=event.delivery_id,
        at=event.at,
        reason=event.reason,
        due_at=now + FIRST_PAUSE,
        received_at=now,
    )


def _event(kept: UnmatchedEvent) -> ProviderEvent:
    return ProviderEvent(
        kept.channel, EventKind(kept.kind), kept.message_id, kept.delivery_id, kept.at, kept.reason
    )
