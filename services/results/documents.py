"""Scores, apart from the attempts: what a student's own reads open holds none of them."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pymongo import ASCENDING, IndexModel

from utils.decimals import from_stored, to_stored
from utils.documents import Document

TEST_RESULTS: Final = "test_results"


class ResultState(StrEnum):
    """``awaiting``: somebody, a provider or the runner has to mark some of it first."""

    AWAITING = "awaiting"
    SCORED = "scored"


class ItemScore(BaseModel):
    """What one slot earned. ``fraction`` and ``mark`` are None while it awaits somebody's mark."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    slot: str
    question_id: str
    version_id: str
    rule: str
    blank: bool
    fraction: Decimal | None
    mark: Decimal | None
    max_mark: Decimal


class AttemptResult(Document):
    """The score of one attempt, under the attempt's id. ``score`` is None while any of it awaits a mark."""

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


INDEXES: Final = {
    TEST_RESULTS: [
        IndexModel([("test_id", ASCENDING), ("state", ASCENDING), ("_id", ASCENDING)], name="of_test"),
        IndexModel([("student_id", ASCENDING), ("kind", ASCENDING), ("_id", ASCENDING)], name="of_student"),
    ]
}
