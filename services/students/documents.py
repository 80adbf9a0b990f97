"""Students. The account (``users``) has the same id and holds what is needed to log in."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict
from pymongo import ASCENDING, IndexModel

from utils.documents import Document

STUDENTS: Final = "students"
TAKEN_BUDGET: Final = "taken_elsewhere"


class StudentStatus(StrEnum):
    ACTIVE = "active"
    DEACTIVATED = "deactivated"


class Accommodations(BaseModel):
    """What somebody needs in every test. ``time_percent`` is the factor of all times, in hundredths."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    time_percent: int = 100
    extra_attempts: int = 0
    extra_plays: int = 0
    note: str = ""


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
    accommodations: Accommodations = Accommodations()
    import_id: str | None = None
    revision: int = 1
    created_at: datetime
    updated_at: datetime


ORDERS: Final = ("name_key", "username", "created_at")
NARROWINGS: Final = ((), ("campus_id",), ("campus_id", "batch_id"), ("campus_id", "course_ids"))
DEACTIVATED: Final = "deactivated"


def index_name(*fields: str) -> str:
    """Return what the index over ``fields`` and the id is called."""
    name = "_".join(fields)
    return "by_username" if name == "username" else name  # "username" is the one that keeps them unique


def _listed(*fields: str) -> IndexModel:
    """Return an index that finds by all but the last of ``fields`` and lists in the order of the last."""
    return IndexModel([(field, ASCENDING) for field in (*fields, "_id")], name=index_name(*fields))


def _rare(*fields: str) -> IndexModel:
    """Return such an index of those who are deactivated. They are few; nearly everybody is active."""
    return IndexModel(
        [(field, ASCENDING) for field in (*fields, "_id")],
        name=index_name(DEACTIVATED, *fields),
        partialFilterExpression={"status": StudentStatus.DEACTIVATED},
    )


TERMS: Final = ("campus_id", "terms", "name_key")  # two dozen entries a student: one index is enough
INDEXES: Final = {
    STUDENTS: [
        IndexModel("username", name="username", unique=True),
        IndexModel("import_id", name="import", sparse=True),
        IndexModel("instance_ids", name="instances"),
        *(_listed(*found_by, order) for found_by in NARROWINGS for order in ORDERS),
        *(_rare(*found_by, order) for found_by in NARROWINGS[:2] for order in ORDERS),
        _listed(*TERMS),
        _rare(*TERMS),
    ],
    TAKEN_BUDGET: [IndexModel("expires_at", name="expiry", expireAfterSeconds=0)],
}
