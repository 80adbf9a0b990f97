"""What is remembered of a creating request."""

from datetime import datetime
from typing import Final

from pymongo import IndexModel

from utils.documents import Document

HOURS: Final = 48
IDEMPOTENCY: Final = "idempotency_keys"


class IdempotencyRecord(Document):
    """``_id`` is principal, operation and key."""

    digest: str
    status: int
    body: bytes
    etag: str | None
    created_at: datetime


INDEXES: Final = {IDEMPOTENCY: [IndexModel("created_at", name="expiry", expireAfterSeconds=HOURS * 3600)]}
