"""What is kept about messages beside their deliveries: addresses that nothing more goes to."""

from datetime import datetime
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from services.ports import Channel
from utils.documents import Document

SUPPRESSIONS: Final = "suppressions"


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


INDEXES: Final = {
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
    ],
}
