"""The audit log: who did what to what, when. Rows are only ever added."""

from datetime import datetime
from typing import Any, Final

from pydantic import Field
from pymongo import ASCENDING, DESCENDING, IndexModel

from utils.documents import Document

AUDIT: Final = "audit"


class AuditRecord(Document):
    """One sensitive action, with ids and names of fields, never with a secret."""

    campus_id: str | None
    action: str
    actor_id: str
    target: str
    detail: dict[str, Any] = Field(default_factory=dict)
    request_id: str = ""
    at: datetime


INDEXES: Final = {
    AUDIT: [
        IndexModel([("campus_id", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="by_campus"),
        IndexModel([("action", ASCENDING), ("campus_id", ASCENDING), ("at", DESCENDING)], name="by_action"),
    ]
}
