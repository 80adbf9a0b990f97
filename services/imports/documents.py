"""Roster imports and their rows, as they are stored."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.ports import Channel
from utils.documents import Document

IMPORTS: Final = "imports"
IMPORT_ROWS: Final = "import_rows"


class ImportState(StrEnum):
    PARSING = "parsing"
    PREVIEWED = "previewed"
    APPLYING = "applying"
    APPLIED = "applied"
    UNDONE = "undone"
    FAILED = "failed"


class Outcome(StrEnum):
    """What applying a row does, or why it does nothing."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    ERROR = "error"


class Undone(StrEnum):
    """What undoing did with an applied row. ``kept``: its student is in use, ``kept_because`` says how."""

    REMOVED = "removed"
    RESTORED = "restored"
    KEPT = "kept"


class Undo(BaseModel):
    """How far undoing is. Rows go from the last of the file to the first; ``row`` is the one done last.

    ``stopped`` says why it ended before the first row; asked for again, it goes on from ``row``.
    """

    by: str
    started_at: datetime
    row: int
    removed: int = 0
    restored: int = 0
    kept: int = 0
    stopped: str | None = None
    ended_at: datetime | None = None


class RosterImport(Document):
    """One uploaded roster. ``course_ids`` are the courses its rows may name; ``run`` marks the valid rows.

    ``within`` are the courses that the uploader may see; null for a whole campus.
    """

    campus_id: str
    batch_id: str
    course_ids: tuple[str, ...]
    default_course_ids: tuple[str, ...]
    within: tuple[str, ...] | None
    filename: str
    state: ImportState = ImportState.PARSING
    apply_at_once: bool
    channels: tuple[Channel, ...]
    run: int = 0
    counts: dict[str, int] = {}  # noqa: RUF012 -- pydantic copies defaults
    rows_done: int = 0
    job_id: str | None = None
    failure: dict[str, str] | None = None
    waiting_reason: str | None = None
    undo: Undo | None = None
    columns: tuple[str, ...] = ()
    created_by: str
    created_at: datetime
    updated_at: datetime


class ImportRow(Document):
    """One row of a roster: what was given, what it means, and what came of it.

    ``student`` is the normalised wish; ``student_id`` and ``base_revision`` name the student it would change
    and as what it was seen; ``before`` keeps what a change replaced.
    """

    import_id: str
    campus_id: str
    run: int
    row: int
    outcome: Outcome
    values: dict[str, str]
    student: dict[str, Any] | None = None
    student_id: str | None = None
    base_revision: int | None = None
    changes: dict[str, list[Any]] = {}  # noqa: RUF012 -- pydantic copies defaults
    before: dict[str, Any] | None = None
    errors: tuple[dict[str, str], ...] = ()
    applied: bool = False
    undone: Undone | None = None
    kept_because: str | None = None


INDEXES: Final = {
    IMPORTS: [
        IndexModel([("campus_id", ASCENDING), ("_id", DESCENDING)], name="campus"),
        IndexModel([("batch_id", ASCENDING), ("_id", DESCENDING)], name="batch_newest"),
        IndexModel([("state", ASCENDING), ("_id", DESCENDING)], name="state"),
    ],
    IMPORT_ROWS: [
        IndexModel(
            [
                ("import_id", ASCENDING),
                ("run", ASCENDING),
                ("outcome", ASCENDING),
                ("row", ASCENDING),
                ("_id", ASCENDING),
            ],
            name="outcome_pages",
        ),
        IndexModel(
            [("import_id", ASCENDING), ("run", ASCENDING), ("row", ASCENDING), ("_id", ASCENDING)],
            name="row_pages",
        ),
        IndexModel(
            [
                ("import_id", ASCENDING),
                ("run", ASCENDING),
                ("applied", ASCENDING),
                ("outcome", ASCENDING),
                ("row", ASCENDING),
            ],
            name="to_apply",
        ),
        IndexModel(
            [("student_id", ASCENDING)],
            name="student",
            partialFilterExpression={"student_id": {"$gt": ""}},
        ),
    ],
}
