"""Addresses that nothing more goes to, and message texts that were edited, as they are stored.

The texts that ship are files, and always there.
"""

from datetime import datetime
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from services.ports import Channel
from utils.documents import Document

NOTIFICATIONS: Final = "notifications"
SUPPRESSIONS: Final = "suppressions"
MESSAGE_TEMPLATES: Final = "message_templates"
MESSAGE_TEMPLATE_VERSIONS: Final = "message_template_versions"


class Notification(Document):
    """Something in somebody's inbox. ``_id`` is the id of the delivery that brought it."""

    campus_id: str | None
    user_id: str
    title: str
    text: str
    read_at: datetime | None = None
    created_at: datetime


class Suppression(Document):
    """An address of one campus (none: of the platform's own messages) that nothing more is sent to.

    Every campus has its own, learnt from its own messages: that an address is dead for one tells nothing to
    another. The address itself is there to be compared and is shown to nobody.
    """

    campus_id: str | None
    channel: Channel
    address: str
    reason: str
    recipient_id: str
    name: str
    delivery_id: str
    since: datetime


class MessageTemplate(Document):
    """Which version of a text holds at one campus, or on the platform (no ``campus_id``).

    ``current`` 0: none of its own; the platform's text holds for a campus, the shipped one for the platform.
    """

    campus_id: str | None
    channel: Channel
    template: str
    current: int = 0
    latest: int = 0
    revision: int = 0
    updated_by: str = ""
    updated_at: datetime


class MessageTemplateVersion(Document):
    """One version of a text, which never changes. ``_id``: that of its template, then its number."""

    campus_id: str | None
    channel: Channel
    template: str
    number: int
    language: str
    subject: str
    text: str
    html: str
    dlt_entity_id: str
    dlt_template_id: str
    dlt_text: str
    created_by: str
    created_at: datetime


def template_id(campus_id: str | None, channel: Channel, template: str) -> str:
    """Return the id under which a campus's text is kept: there is one of each."""
    return f"{campus_id or 'platform'}:{channel}:{template}"


def version_id(of_template: str, number: int) -> str:
    """Return the id of a version; ids of one template sort by number."""
    return f"{of_template}:{number:08d}"


INDEXES: Final = {
    NOTIFICATIONS: [
        IndexModel([("user_id", ASCENDING), ("_id", DESCENDING)], name="newest"),
        IndexModel([("user_id", ASCENDING), ("read_at", ASCENDING), ("_id", DESCENDING)], name="unread"),
    ],
    SUPPRESSIONS: [
        IndexModel(
            [("campus_id", ASCENDING), ("channel", ASCENDING), ("address", ASCENDING)],
            name="once",
            unique=True,
        ),
        IndexModel(
            [("campus_id", ASCENDING), ("channel", ASCENDING), ("_id", DESCENDING)], name="campus_newest"
        ),
        IndexModel([("channel", ASCENDING), ("_id", DESCENDING)], name="newest"),
        IndexModel([("recipient_id", ASCENDING)], name="recipient"),
    ],
    MESSAGE_TEMPLATES: [],
    MESSAGE_TEMPLATE_VERSIONS: [
        IndexModel(
            [("campus_id", 1), ("channel", 1), ("template", 1), ("_id", DESCENDING)], name="newest_first"
        )
    ],
}
