"""The audit log: who did what to what, when. Rows are added, sealed once, and never change."""

from datetime import datetime
from typing import Any, Final

from pydantic import Field
from pymongo import ASCENDING, DESCENDING, IndexModel

from utils.documents import Document

AUDIT: Final = "audit"
AUDIT_HEADS: Final = "audit_heads"
PLATFORM_CHAIN: Final = "platform"
BEFORE_CHAINS: Final = 0  # the ``seq`` of rows that are older than the chains
GENESIS: Final = "0" * 64


class AuditRecord(Document):
    """One sensitive action, with ids and names of fields, never with a secret or a person's name.

    ``mac`` is made by the server that adds the row. ``seq``, ``prev`` and ``hash`` are its place in the chain
    of its campus, given within seconds by the sealer; until then they are null (``chain.py``).
    """

    campus_id: str | None
    action: str
    actor_id: str
    target: str
    detail: dict[str, Any] = Field(default_factory=dict)
    request_id: str = ""
    at: datetime
    mac: str = ""
    seq: int | None = None
    prev: str | None = None
    hash: str | None = None


class AuditHead(Document):
    """The last link of a chain. ``_id`` is the campus, or ``platform``."""

    campus_id: str | None
    seq: int = 0
    hash: str = GENESIS


_NEWEST: Final = [("at", DESCENDING), ("_id", DESCENDING)]

INDEXES: Final = {
    AUDIT: [
        IndexModel(_NEWEST, name="newest"),
        IndexModel([("campus_id", ASCENDING), *_NEWEST], name="campus"),
        IndexModel([("campus_id", ASCENDING), ("action", ASCENDING), *_NEWEST], name="campus_action"),
        IndexModel([("action", ASCENDING), *_NEWEST], name="action"),
        IndexModel([("actor_id", ASCENDING), *_NEWEST], name="actor"),
        IndexModel([("target", ASCENDING), *_NEWEST], name="target"),
        IndexModel(
            [("campus_id", ASCENDING), ("seq", ASCENDING)],
            name="chain",
            unique=True,
            partialFilterExpression={"seq": {"$gt": BEFORE_CHAINS}},
        ),
        IndexModel(
            [("seq", ASCENDING), ("_id", ASCENDING)], name="unsealed", partialFilterExpression={"seq": None}
        ),
    ],
    AUDIT_HEADS: [],
}
