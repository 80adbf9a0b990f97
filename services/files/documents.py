"""Files as they are known. Their bytes lie in a FileStore under ``key``."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pymongo import ASCENDING, IndexModel

from utils.documents import Document

FILES: Final = "files"


class FileState(StrEnum):
    """``waiting`` for its bytes, ``checking`` them, then ``stored``, or ``refused`` with a reason."""

    WAITING = "waiting"
    CHECKING = "checking"
    STORED = "stored"
    REFUSED = "refused"


class StoredFile(Document):
    """One file. ``name`` is what people call it; ``key`` is ours, and cannot be guessed.

    ``scanned``: a scanner has looked at it and found nothing; false where there is no scanner. A recording is
    its student's alone: an answer to a ``slot`` of an attempt, ``slot/child`` for a child of a set.
    """

    campus_id: str | None
    purpose: str
    name: str
    content_type: str
    size: int
    key: str
    state: FileState = FileState.WAITING
    reason: str | None = None
    scanned: bool = False
    student_id: str | None = None
    attempt_id: str | None = None
    slot: str | None = None
    created_by: str
    created_at: datetime
    updated_at: datetime


VALIDATORS: Final[dict[str, dict[str, Any]]] = {
    FILES: {
        "bsonType": "object",
        "required": ["campus_id", "key", "state", "size"],
        "properties": {
            "campus_id": {"bsonType": ["string", "null"]},
            "state": {"enum": [str(state) for state in FileState]},
            "size": {"bsonType": ["int", "long"], "minimum": 1},
        },
    }
}

INDEXES: Final = {
    FILES: [
        IndexModel("key", name="key", unique=True),
        IndexModel([("campus_id", ASCENDING), ("_id", ASCENDING)], name="campus"),
        IndexModel([("state", ASCENDING), ("created_at", ASCENDING)], name="state"),
        IndexModel(
            [("student_id", ASCENDING), ("attempt_id", ASCENDING), ("slot", ASCENDING)], name="recordings"
        ),
    ]
}
