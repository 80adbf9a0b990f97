"""Overrides of the ladder: what admins have unlocked and locked for a student, as a history."""

from datetime import datetime
from typing import Final

from pymongo import ASCENDING, IndexModel

from services.practice.ladder import Action, Place
from utils.documents import Document

PRACTICE_OVERRIDES: Final = "practice_overrides"


class Override(Document):
    """One decision about one student. None is ever changed: the newest of a place holds.

    ``number`` counts a student's from 1. ``course_ids`` are those that the student took then.
    """

    campus_id: str
    course_ids: tuple[str, ...]
    student_id: str
    number: int
    module: str
    topic: str | None
    level: str | None
    action: Action
    reason: str
    created_by: str
    created_at: datetime

    @property
    def place(self) -> Place:
        """What it is about."""
        return Place(self.module, self.topic, self.level)


INDEXES: Final = {
    PRACTICE_OVERRIDES: [
        IndexModel([("student_id", ASCENDING), ("number", ASCENDING)], name="of_student", unique=True)
    ]
}
