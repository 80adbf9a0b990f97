"""Scores, apart from the attempts: what a student's own reads open holds none of them."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pymongo import ASCENDING, IndexModel

from services.assessments.documents import Feedback
from services.questions.parts import QuestionType
from services.questions.scoring.programs import Verdict
from utils.decimals import from_stored, to_stored
from utils.documents import Document

TEST_RESULTS: Final = "test_results"
MARKING_TASKS: Final = "marking_tasks"


class ResultState(StrEnum):
    """``awaiting``: somebody, a provider or the runner has to mark some of it first."""

    AWAITING = "awaiting"
    SCORED = "scored"


class Earned(BaseModel):
    """What an answer earned by a rule. ``fraction`` and ``mark`` are None while it awaits somebody's mark.

    ``fraction`` is of ``worth``, the mark that the question has in the test. ``max_mark`` is what can be
    earned: more than that where certainty counts.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    rule: str
    blank: bool
    fraction: Decimal | None
    mark: Decimal | None
    worth: Decimal
    max_mark: Decimal


class ChildScore(Earned):
    """One child of a set, by the mark that its author gave it."""

    name: str


class ItemScore(Earned):
    """What one slot earned; of a set also what each of its children did."""

    slot: str
    question_id: str
    version_id: str
    children: tuple[ChildScore, ...] = ()


class AttemptResult(Document):
    """The score of one attempt, under the attempt's id. ``score`` is None while any of it awaits a mark.

    ``floor``: the least that the test gives. ``feedback``: when its student is told what was right.
    """

    campus_id: str
    course_ids: tuple[str, ...] = ()
    batch_id: str
    test_id: str
    student_id: str
    number: int
    kind: str
    module: str | None = None
    level: str | None = None
    topic: str | None = None
    state: ResultState
    items: tuple[ItemScore, ...]
    score: Decimal | None
    max_score: Decimal
    floor: Decimal | None = None
    feedback: Feedback = Feedback.END
    submitted_at: datetime
    released_at: datetime | None = None
    revision: int = 1

    def to_mongo(self) -> dict[str, Any]:
        """Return the document to store: exact numbers as MongoDB keeps them."""
        stored: dict[str, Any] = to_stored(super().to_mongo())
        return stored

    @classmethod
    def from_mongo(cls, row: Any) -> "AttemptResult":
        """Return the typed document."""
        return cls.model_validate(from_stored(row))


class TaskState(StrEnum):
    OPEN = "open"
    DONE = "done"


class CaseFound(BaseModel):
    """How a program did in one case of the key. Its output is not kept: it may be of any size."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    verdict: Verdict
    slow: bool = False


class Suggested(BaseModel):
    """What a provider thinks of an answer, and how sure it is, from 0 to 1. It is never a mark by itself."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    provider: str
    fraction: Decimal | None = None
    transcript: str | None = None
    confidence: Decimal


class MarkingTask(Document):
    """An answer that somebody, a provider or the runner has to mark: a slot, or a child of the set in it.

    It holds the answer, so that whoever marks needs nothing of the attempt. ``cases`` grows as the runner
    gets on; ``fault`` says why nobody but a person will mark it.
    """

    campus_id: str
    course_ids: tuple[str, ...] = ()
    batch_id: str
    test_id: str
    student_id: str
    attempt_id: str
    slot: str
    child: str | None = None
    version_id: str
    type: QuestionType
    response: dict[str, Any]
    state: TaskState = TaskState.OPEN
    cases: tuple[CaseFound, ...] = ()
    suggestion: Suggested | None = None
    fault: str | None = None
    fraction: Decimal | None = None
    marked_by: str | None = None
    created_at: datetime

    def to_mongo(self) -> dict[str, Any]:
        """Return the document to store: exact numbers as MongoDB keeps them."""
        stored: dict[str, Any] = to_stored(super().to_mongo())
        return stored

    @classmethod
    def from_mongo(cls, row: Any) -> "MarkingTask":
        """Return the typed document."""
        return cls.model_validate(from_stored(row))


def task_id(attempt_id: str, slot: str, child: str | None = None) -> str:
    """Return the id of what is to be marked: the same answer is never queued twice."""
    return ":".join([attempt_id, slot, *([child] if child else [])])


INDEXES: Final = {
    TEST_RESULTS: [
        IndexModel([("test_id", ASCENDING), ("state", ASCENDING), ("_id", ASCENDING)], name="of_test"),
        IndexModel([("student_id", ASCENDING), ("kind", ASCENDING), ("_id", ASCENDING)], name="of_student"),
    ],
    MARKING_TASKS: [
        IndexModel([("attempt_id", ASCENDING), ("_id", ASCENDING)], name="of_attempt"),
        IndexModel([("test_id", ASCENDING), ("state", ASCENDING), ("_id", ASCENDING)], name="of_test"),
        IndexModel([("student_id", ASCENDING), ("_id", ASCENDING)], name="of_student"),
    ],
}
