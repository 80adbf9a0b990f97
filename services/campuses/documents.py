"""The organisation: campuses, courses, batches and the instances that bind a batch to a course."""

from datetime import datetime
from typing import Final

from pymongo import ASCENDING, IndexModel

from utils.documents import Document

CAMPUSES: Final = "campuses"
COURSES: Final = "courses"
BATCHES: Final = "batches"
INSTANCES: Final = "batch_course_instances"


class Campus(Document):
    """A site. ``campus_id`` is its own id: the field that scopes narrow. ``…_key`` are normal forms.

    ``holds`` grows whenever something comes to depend on the row, in the same transaction, so that a delete
    at the same moment conflicts instead of orphaning it.
    """

    campus_id: str
    name: str
    name_key: str
    code: str
    code_key: str
    timezone: str
    country: str
    holds: int = 0
    revision: int = 1
    created_at: datetime
    updated_at: datetime


class Course(Document):
    """A programme taught at a campus; its code is unique there."""

    campus_id: str
    name: str
    name_key: str
    code: str
    code_key: str
    holds: int = 0
    revision: int = 1
    created_at: datetime
    updated_at: datetime


class Batch(Document):
    """A cohort of students, taught one or more courses; its name is unique at its campus."""

    campus_id: str
    name: str
    name_key: str
    course_ids: tuple[str, ...]
    holds: int = 0
    revision: int = 1
    created_at: datetime
    updated_at: datetime


class BatchCourseInstance(Document):
    """One batch taking one course."""

    campus_id: str
    batch_id: str
    course_id: str
    created_at: datetime


INDEXES: Final = {
    CAMPUSES: [
        IndexModel("code_key", name="code", unique=True),
        IndexModel([("name_key", ASCENDING), ("_id", ASCENDING)], name="by_name"),
        IndexModel([("campus_id", ASCENDING), ("name_key", ASCENDING), ("_id", ASCENDING)], name="scope"),
    ],
    COURSES: [
        IndexModel([("campus_id", ASCENDING), ("code_key", ASCENDING)], name="code", unique=True),
        IndexModel([("campus_id", ASCENDING), ("name_key", ASCENDING), ("_id", ASCENDING)], name="by_name"),
        IndexModel([("name_key", ASCENDING), ("_id", ASCENDING)], name="all_by_name"),
    ],
    BATCHES: [
        IndexModel([("campus_id", ASCENDING), ("name_key", ASCENDING)], name="unique_name", unique=True),
        IndexModel([("campus_id", ASCENDING), ("name_key", ASCENDING), ("_id", ASCENDING)], name="by_name"),
        IndexModel([("name_key", ASCENDING), ("_id", ASCENDING)], name="all_by_name"),
        IndexModel("course_ids", name="courses"),
    ],
    INSTANCES: [
        IndexModel([("batch_id", ASCENDING), ("course_id", ASCENDING)], name="pair", unique=True),
        IndexModel([("campus_id", ASCENDING), ("_id", ASCENDING)], name="campus"),
        IndexModel("course_id", name="course"),
    ],
}
