"""The question bank: a question, its versions as papers show them, and apart from both what is right.

A row without a campus is the platform's: every campus reads it, none changes it.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pymongo import ASCENDING, IndexModel

from services.questions.parts import QuestionType
from utils.documents import Document

QUESTIONS: Final = "questions"
QUESTION_VERSIONS: Final = "question_versions"
ANSWER_KEYS: Final = "answer_keys"
QUESTION_MODULES: Final = "question_modules"


class QuestionStatus(StrEnum):
    """A ``draft`` is not put into tests; a ``retired`` one no longer, what holds it already keeps it."""

    DRAFT = "draft"
    LIVE = "live"
    RETIRED = "retired"


class Difficulty(StrEnum):
    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


class Question(Document):
    """What is kept about a question besides its versions. ``version`` is the current one.

    ``digest`` is the same for questions that are equal, key included; ``face`` for those that look equal.
    """

    campus_id: str | None
    name: str = ""
    type: QuestionType
    stem: str
    module: str
    level: str
    topic: str | None = None
    tags: tuple[str, ...] = ()
    difficulty: Difficulty = Difficulty.MEDIUM
    status: QuestionStatus = QuestionStatus.LIVE
    version: int = 1
    digest: str
    face: str
    terms: tuple[str, ...] = ()
    usage_count: int = 0
    revision: int = 1
    created_by: str
    created_at: datetime
    updated_at: datetime


class QuestionVersion(Document):
    """One version as a paper shows it. It never changes and holds nothing that a student may not see."""

    campus_id: str | None
    question_id: str
    number: int
    type: QuestionType
    mark: Any  # a Decimal128
    rule: str
    paper: dict[str, Any]
    media: tuple[str, ...] = ()
    created_by: str
    created_at: datetime


class AnswerKey(Document):
    """Everything that the author wrote of one version, under the version's id."""

    campus_id: str | None
    question_id: str
    content: dict[str, Any]


class QuestionModule(Document):
    """A skill, with its levels and topics in the order in which they open. Its id is its key.

    ``pass_percent`` of a level opens the next one in practice.
    """

    name: str
    levels: tuple[str, ...]
    topics: tuple[str, ...] = ()
    pass_percent: int = 60
    position: int
    revision: int = 1


def version_id(question_id: str, number: int) -> str:
    """Return the id that a version and its key have."""
    return f"{question_id}:{number}"


# How a list is narrowed: each with and without a campus, always in the order of ids.
NARROWINGS: Final = ((), ("module",), ("module", "level"), ("tags",), ("terms",))


def index_name(*fields: str) -> str:
    """Return what the index over ``fields`` and the id is called; without fields it is that of the ids."""
    return "_".join(fields) or "_id_"


def _index(*fields: str) -> IndexModel:
    return IndexModel([(field, ASCENDING) for field in (*fields, "_id")], name=index_name(*fields))


INDEXES: Final = {
    QUESTIONS: [
        *(_index(*narrowed) for narrowed in NARROWINGS if narrowed),
        *(_index("campus_id", *narrowed) for narrowed in NARROWINGS),
        _index("campus_id", "digest"),
        _index("campus_id", "module", "level", "status", "usage_count"),
    ],
    QUESTION_VERSIONS: [
        IndexModel(
            [("question_id", ASCENDING), ("number", ASCENDING), ("_id", ASCENDING)], name="of_question"
        ),
        IndexModel("media", name="media"),
    ],
    ANSWER_KEYS: [IndexModel("question_id", name="of_question")],
    QUESTION_MODULES: [IndexModel([("position", ASCENDING), ("_id", ASCENDING)], name="in_order")],
}
