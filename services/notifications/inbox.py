"""The inbox inside the product: a channel like the others, whose provider is our own database."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Self

from pydantic import BaseModel, Field
from pymongo.errors import PyMongoError

from models import Actor
from services.notifications.documents import Notification
from services.notifications.inbox_repository import InboxRepository
from services.ports import (
    JSON,
    Accepted,
    Ambiguous,
    Balance,
    Channel,
    Limit,
    Message,
    ProgressFeed,
    Refused,
    SendOutcome,
    SendUnit,
)
from utils.clock import Clock
from utils.paging import Keyset, PageOf, PageQuery
from utils.problems import NotFound
from utils.scope import Scope

UNIT_SIZE: Final = 100
COUNTED: Final = 1000
PLATFORM: Final = "-"


class NotificationNotFound(NotFound):
    """No such notification in your inbox."""

    title = "No such notification"


class NotificationQuery(PageQuery):
    """``unread``: only what has not been read."""

    unread: bool = False


class NotificationOut(BaseModel):
    """One notification; also the payload of the ``notification:new`` event."""

    id: str
    title: str
    text: str
    created_at: datetime
    read_at: datetime | None

    @classmethod
    def of(cls, notification: Notification) -> Self:
        """Show a stored notification."""
        return cls(**{name: getattr(notification, name) for name in cls.model_fields})


class UnreadCount(BaseModel):
    unread: int = Field(description=f"counted up to {COUNTED}")


class ReadAll(BaseModel):
    read: int = Field(description="how many were unread until now")


def inbox_address(user_id: str, campus_id: str | None) -> str:
    """Return where somebody's inbox is, as a recipient's address: campus and person."""
    return f"{campus_id or PLATFORM}/{user_id}"


def own_room(user_id: str) -> str:
    """Return the room that a person's sockets are in from the start."""
    return f"user:{user_id}"


class InboxSender:
    """Puts messages into inboxes, each once by its delivery id, so any unit may be repeated."""

    channel = Channel.INBOX
    provider = "inbox"
    account = "here"
    limits: tuple[Limit, ...] = ()
    unit_size: int = UNIT_SIZE
    repeat_seconds: float = math.inf
    confirms_delivery: bool = True

    def __init__(self, inbox: InboxRepository, feed: ProgressFeed, clock: Clock) -> None:
        self._inbox, self._feed, self._clock = inbox, feed, clock

    def send(self, unit: SendUnit) -> SendOutcome:
        """Store the unit's notifications, then tell those whose they are."""
        now = self._clock.now()
        if any(message.to.count("/") != 1 for message in unit.messages):
            return Refused("inbox: no such address")
        try:
            new = self._inbox.put([_notification(message, now) for message in unit.messages])
        except PyMongoError as error:
            return Ambiguous(f"inbox: {type(error).__name__}")
        for notification in new:
            room = own_room(notification.user_id)
            self._feed.publish(room, "notification:new", NotificationOut.of(notification))
        return Accepted(tuple(message.delivery_id for message in unit.messages))

    def ready_in(self) -> float:
        """Say that it may be tried at any time."""
        return 0.0

    def balance(self) -> Balance:
        """Say that nothing is counted here."""
        return Balance(True, "inboxes are our own: nothing leaves, nothing is charged")

    def status(self) -> Mapping[str, JSON]:
        """Return the adapter's state for people."""
        return {"provider": self.provider, "channel": self.channel.value}


class InboxService:
    """Shows people their own notifications."""

    def __init__(self, inbox: InboxRepository) -> None:
        self._inbox = inbox

    def list_own(self, query: NotificationQuery, actor: Actor) -> PageOf[NotificationOut]:
        """Return a page of the actor's notifications, the newest first."""
        keyset = Keyset.of(query, {"id": "_id"}, "-id")
        rows = self._inbox.list_newest(_own(actor), unread=query.unread, keyset=keyset)
        return keyset.page(rows, lambda row: NotificationOut.of(Notification.from_mongo(row)))

    def unread(self, actor: Actor) -> UnreadCount:
        """Return how many are unread."""
        return UnreadCount(unread=self._inbox.count_unread(_own(actor), COUNTED))

    def read(self, notification_id: str, actor: Actor) -> NotificationOut:
        """Mark one as read; it stays as it was first read."""
        found = self._inbox.read(_own(actor), notification_id)
        if found is None:
            raise NotificationNotFound()
        return NotificationOut.of(found)

    def read_all(self, actor: Actor) -> ReadAll:
        """Mark all as read."""
        return ReadAll(read=self._inbox.read_all(_own(actor)))


def _own(actor: Actor) -> Scope:
    """Return what lies in the actor's inbox, which is less than what their role lets them see."""
    return Scope.own(actor.id, None)


def _notification(message: Message, now: datetime) -> Notification:
    campus_id, _, user_id = message.to.partition("/")
    return Notification(
        id=message.delivery_id,
        campus_id=None if campus_id == PLATFORM else campus_id,
        user_id=user_id,
        title=message.subject,
        text=message.text,
        created_at=now,
    )
