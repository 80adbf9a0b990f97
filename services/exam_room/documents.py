"""What the exam room ordered: time for those who sit a test, or its end. Kept with who, when and why."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from utils.documents import Document

EXAM_ORDERS: Final = "exam_orders"
EXAM_TURNS: Final = "exam_turns"
REHEARSALS: Final = "rehearsals"


class OrderKind(StrEnum):
    """``extend``: minutes. ``compensate``: what gaps have cost, or minutes. ``close``: the end, now."""

    EXTEND = "extend"
    COMPENSATE = "compensate"
    CLOSE = "close"


class ExamOrder(Document):
    """One order about those who sat a test at ``at`` (mongod's clock). It is carried out once for each.

    ``seconds`` None: what each has lost in gaps, at most ``most_seconds``. ``reached`` is None until all are
    done: how many attempts it changed. ``batch_ids`` and ``student_ids`` narrow where they are not empty.
    """

    campus_id: str
    course_ids: tuple[str, ...] = ()
    test_id: str
    kind: OrderKind
    batch_ids: tuple[str, ...] = ()
    student_ids: tuple[str, ...] = ()
    seconds: int | None = None
    most_seconds: int | None = None
    reason: str
    ordered_by: str
    at: datetime
    reached: int | None = None


class Rehearsal(Document):
    """What a rehearsal has made, under its campus's id, so that it can be removed whatever died."""

    course_id: str | None = None
    batch_id: str | None = None
    test_id: str | None = None
    question_ids: tuple[str, ...] = ()
    begun_at: datetime


INDEXES: Final = {
    EXAM_ORDERS: [IndexModel([("test_id", ASCENDING), ("_id", DESCENDING)], name="of_test")],
    EXAM_TURNS: [IndexModel("at", name="outlived", expireAfterSeconds=86_400)],
    REHEARSALS: [],
}
