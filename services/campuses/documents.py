"""The organisation: campuses, courses, batches and the instances that bind a batch to a course."""

from datetime import datetime
from typing import Final

from pymongo import ASCENDING, IndexModel

from utils.documents import Document

CAMPUSES: Final = "campuses"
COURSES: Final = "courses"
BATCHES: Final = "batches"
INSTANCES: Final = "batch_course_instances"


class Place(Document):
    """What campuses, courses and batches have in common. A ``…_key`` is the normal form of its field.

    ``holds`` grows whenever something comes to depend on the row, in the same transaction, so that a delete
    at the same moment conflicts instead of orphaning it.
    """

    campus_id: str
    name: str
    name_key: str
    holds: int = 0
    revision: int = 1
    created_at: datetime
    updated_at: datetime


class Campus(Place):
    """A site; its code is unique. ``campus_id`` is its own id: the field that scopes narrow."""

    code: str
    code_key: str
    timezone: str
    country: str


class Course(Place):
    """A programme taught at a campus; its code is unique there."""

    code: str
    code_key: str


class Batch(Place):
    """A cohort of students, taught one or more courses; its name is unique at its campus."""

    course_ids: tuple[str, ...]


class BatchCourseInstance(Document):
    """One batch taking one course."""

    campus_id: str
    batch_id: str
    course_id: str
    created_at: datetime


def _index(name: str, *fields: str, unique: bool = False) -> IndexModel:
    return IndexModel([(field, ASCENDING) for field in fields], name=name, unique=unique)


INDEXES: Final = {
    CAMPUSES: [
        _index("code", "code_key", unique=True),
        _index("by_name", "name_key", "_id"),
        _index("scope", "campus_id", "name_key", "_id"),
    ],
    COURSES: [
        _index("code", "campus_id", "code_key", unique=True),
        _index("by_name", "campus_id", "name_key", "_id"),
        _index("all_by_name", "name_key", "_id"),
    ],
    BATCHES: [
        _index("unique_name", "campus_id", "name_key", unique=True),
        _index("by_name", "campus_id", "name_key", "_id"),
        _index("of_course_by_name", "campus_id", "course_ids", "name_key", "_id"),
        _index("all_by_name", "name_key", "_id"),
    ],
    INSTANCES: [
        _index("pair", "batch_id", "course_id", unique=True),
        _index("of_batch", "batch_id", "_id"),
        _index("campus", "campus_id", "_id"),
        _index("of_course", "course_id", "_id"),
    ],
}
