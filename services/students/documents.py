"""Students. The account (``users``) has the same id and holds what is needed to log in."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from pymongo import ASCENDING, IndexModel

from utils.documents import Document

STUDENTS: Final = "students"
TAKEN_BUDGET: Final = "taken_elsewhere"


class StudentStatus(StrEnum):
    ACTIVE = "active"
    DEACTIVATED = "deactivated"


class Student(Document):
    """A person who learns. ``username`` is the normal form of the roll number; ``terms`` serve the search."""

    campus_id: str
    batch_id: str
    course_ids: tuple[str, ...]
    instance_ids: tuple[str, ...]
    roll_number: str
    username: str
    name: str
    name_key: str
    email: str | None = None
    mobile_number: str | None = None
    status: StudentStatus = StudentStatus.ACTIVE
    terms: tuple[str, ...] = ()
    import_id: str | None = None
    revision: int = 1
    created_at: datetime
    updated_at: datetime


def _listed(*fields: str) -> IndexModel:
    """Return an index that finds by all but the last of ``fields`` and lists in the order of the last."""
    keys = [*fields, "_id"]
    return IndexModel([(key, ASCENDING) for key in keys], name="_".join(fields))


INDEXES: Final = {
    STUDENTS: [
        IndexModel("username", name="username", unique=True),
        IndexModel("import_id", name="import", sparse=True),
        IndexModel("instance_ids", name="instances"),
        *(
            _listed(*found_by, order)
            for found_by, order in (
                ((), "name_key"),
                ((), "roll_number"),
                ((), "created_at"),
                (("campus_id",), "name_key"),
                (("campus_id",), "roll_number"),
                (("campus_id",), "created_at"),
                (("batch_id",), "name_key"),
                (("batch_id",), "roll_number"),
                (("course_ids",), "name_key"),
                (("terms",), "name_key"),
                (("campus_id", "terms"), "name_key"),
            )
        ),
    ],
    TAKEN_BUDGET: [IndexModel("expires_at", name="expiry", expireAfterSeconds=0)],
}
