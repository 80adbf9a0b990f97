"""Tests: what an author plans, what publishing pins of it, and the paper that students see."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pymongo import ASCENDING, IndexModel

from services.ports import Channel
from services.questions.parts import QuestionType
from utils.decimals import from_stored, to_stored
from utils.documents import Document

TESTS: Final = "tests"
TEST_PAPERS: Final = "test_papers"
REMINDED_OVER: Final = (Channel.EMAIL, Channel.INBOX)  # where nobody says otherwise: what costs nothing


class AssessmentKind(StrEnum):
    """``practice``: no window, as often as one likes. ``online``: one exam in a window."""

    PRACTICE = "practice"
    ONLINE = "online"


class AssessmentState(StrEnum):
    """What is stored. ``open`` and ``closed`` follow from the window and the clock."""

    DRAFT = "draft"
    PUBLISHED = "published"
    CANCELLED = "cancelled"
    ARCHIVED = "archived"


class Feedback(StrEnum):
    """When a practice attempt tells what was right."""

    EACH = "each"
    END = "end"
    NONE = "none"


class GradeMethod(StrEnum):
    """Which of several attempts counts."""

    HIGHEST = "highest"
    MEAN = "mean"
    FIRST = "first"
    LAST = "last"


class Part(BaseModel):
    """A part of a test."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Pool(Part):
    """Questions that publishing picks: of a module and level, all of it or what has one of the tags."""

    module: str
    level: str
    tags: tuple[str, ...] = ()
    pick: int


class SlotPlan(Part):
    """One question, or what a pool gives."""

    question_id: str | None = None
    pool: Pool | None = None


class SectionPlan(Part):
    title: str
    slots: tuple[SlotPlan, ...]


class PinnedSlot(Part):
    """A place in the test with the version that it asks. ``slot`` is ``"1"``, ``"2"`` … over all sections."""

    slot: str
    question_id: str
    version_id: str
    type: QuestionType
    mark: Decimal


class PinnedSection(Part):
    title: str
    slots: tuple[PinnedSlot, ...]


class ScoringTerms(Part):
    """``negative``: the share of a mark that a wrong choice costs. ``floor``: the least a test gives."""

    negative: Decimal | None = None
    floor: Decimal | None = None
    decimal_comma: bool = False


class Assessment(Document):
    """A test. Empty ``course_ids``, ``batch_ids`` or ``student_ids`` do not narrow its audience.

    ``blueprint`` is empty until the test is published, and never changes afterwards. ``next_reminder_at``:
    when those who have not begun are reminded next, over ``reminder_channels``, in the name of
    ``reminders_by``, who has published the test or changed its times last.
    """

    campus_id: str
    name: str
    kind: AssessmentKind
    module: str | None = None
    level: str | None = None
    topic: str | None = None
    course_ids: tuple[str, ...] = ()
    batch_ids: tuple[str, ...] = ()
    student_ids: tuple[str, ...] = ()
    window_start_at: datetime | None = None
    window_end_at: datetime | None = None
    duration_minutes: int
    attempts_allowed: int | None = 1
    sections: tuple[SectionPlan, ...] = ()
    shuffle_questions: bool = False
    shuffle_options: bool = False
    scoring: ScoringTerms = ScoringTerms()
    feedback: Feedback = Feedback.END
    grade_method: GradeMethod = GradeMethod.HIGHEST
    state: AssessmentState = AssessmentState.DRAFT
    blueprint: tuple[PinnedSection, ...] = ()
    published_at: datetime | None = None
    reminder_channels: tuple[Channel, ...] = REMINDED_OVER
    next_reminder_at: datetime | None = None
    reminders_by: str | None = None
    revision: int = 1
    created_by: str
    created_at: datetime
    updated_at: datetime

    def to_mongo(self) -> dict[str, Any]:
        """Return the document to store: exact numbers as MongoDB keeps them."""
        stored: dict[str, Any] = to_stored(super().to_mongo())
        return stored

    @classmethod
    def from_mongo(cls, row: Any) -> "Assessment":
        """Return the typed document."""
        return cls.model_validate(from_stored(row))


class AssessmentPaper(Document):
    """What students see of a published test, under the test's id, in the author's order. It never changes.

    ``sections``: ``[{title, slots: [{slot, …paper projection of the version}]}]``.
    """

    campus_id: str
    course_ids: tuple[str, ...] = ()
    sections: tuple[dict[str, Any], ...]


def _index(name: str, *fields: str) -> IndexModel:
    return IndexModel([(field, ASCENDING) for field in fields], name=name)


INDEXES: Final = {
    TESTS: [
        _index("of_campus", "campus_id", "_id"),
        _index("of_course", "campus_id", "course_ids", "_id"),
        _index("of_batch", "campus_id", "batch_ids", "_id"),
        _index("for_takers", "campus_id", "state", "kind", "window_end_at", "_id"),
        IndexModel(
            [("state", ASCENDING), ("next_reminder_at", ASCENDING)],
            name="reminders",
            partialFilterExpression={"next_reminder_at": {"$type": "date"}},
        ),
    ],
    TEST_PAPERS: [IndexModel("campus_id", name="of_campus")],
}
