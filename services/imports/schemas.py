"""What clients send and see of roster imports."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from services.imports.documents import ImportRow, ImportState, Outcome, RosterImport, Undone
from services.ports import Channel, LinkChannel
from utils.paging import PageQuery


def _comma_separated(value: object) -> object:
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


CommaSeparated = BeforeValidator(_comma_separated)
SentAsText = WithJsonSchema({"type": "string", "description": "several with commas between them"})
DEFAULT_CHANNELS: tuple[LinkChannel, ...] = (Channel.EMAIL, Channel.SMS)


class ImportCreate(BaseModel):
    """A roster file for one batch. With ``dry_run=false`` it is previewed and applied in one go."""

    model_config = ConfigDict(extra="forbid")

    batch_id: str = Field(min_length=1, max_length=64)
    course_ids: Annotated[tuple[str, ...], CommaSeparated, SentAsText] = Field(
        (), max_length=50, json_schema_extra={"default": ""}
    )
    dry_run: bool = True
    channels: Annotated[tuple[LinkChannel, ...], CommaSeparated, SentAsText] = Field(
        DEFAULT_CHANNELS, json_schema_extra={"default": ",".join(DEFAULT_CHANNELS)}
    )
    filename: str = Field(max_length=255)
    content: bytes


class ImportCommit(BaseModel):
    """Apply a previewed import; new students are told over these channels."""

    model_config = ConfigDict(extra="forbid")

    channels: tuple[LinkChannel, ...] = DEFAULT_CHANNELS


class ImportCounts(BaseModel):
    """Rows by outcome; ``total`` is their sum."""

    total: int
    new: int = 0
    changed: int = 0
    same: int = 0
    error: int = 0


class ImportFailure(BaseModel):
    """Why the file as a whole could not be used."""

    slug: str
    detail: str


class UndoOut(BaseModel):
    """How far undoing is: students removed and restored, and rows whose student was kept, being in use.

    While ``ended_at`` is null it goes on. ``stopped`` says why it ended early; ask for it again to go on.
    """

    removed: int
    restored: int
    kept: int
    stopped: str | None
    started_at: datetime
    ended_at: datetime | None


class ImportOut(BaseModel):
    """An import as clients see it; also the payload of the ``import:progress`` event."""

    id: str
    state: ImportState
    filename: str
    batch_id: str
    counts: ImportCounts
    rows_done: int = Field(description="rows compared while parsing, rows applied while applying")
    columns: list[str]
    failure: ImportFailure | None
    waiting_reason: str | None = Field(
        description="what it waits for before it can be read; it goes on by itself"
    )
    undo: UndoOut | None
    job_id: str | None
    created_by: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, roster: RosterImport) -> Self:
        """Show a stored import."""
        return cls(
            id=roster.id,
            state=roster.state,
            filename=roster.filename,
            batch_id=roster.batch_id,
            counts=ImportCounts(total=sum(roster.counts.values()), **roster.counts),
            rows_done=roster.rows_done,
            columns=list(roster.columns),
            failure=ImportFailure(**roster.failure) if roster.failure else None,
            waiting_reason=roster.waiting_reason if roster.state is ImportState.PARSING else None,
            undo=UndoOut.model_validate(roster.undo, from_attributes=True) if roster.undo else None,
            job_id=roster.job_id,
            created_by=roster.created_by,
            created_at=roster.created_at,
            updated_at=roster.updated_at,
        )


class ImportQuery(PageQuery):
    batch_id: str | None = Field(None, max_length=64)


class ImportRowQuery(PageQuery):
    outcome: Outcome | None = None


class TemplateQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal["csv", "xlsx"] = "xlsx"


class CellError(BaseModel):
    column: str
    detail: str


class ImportRowOut(BaseModel):
    """One row: what was given, and what applying it does. ``changes`` maps a field to [before, after].

    ``undone`` says what undoing did; a ``kept`` student was in use, ``kept_because`` says how.
    """

    row: int
    outcome: Outcome
    values: dict[str, str]
    changes: dict[str, list[Any]]
    errors: list[CellError]
    applied: bool
    undone: Undone | None
    kept_because: str | None

    @classmethod
    def of(cls, row: ImportRow, within: tuple[str, ...] | None) -> Self:
        """Show a stored row with those of its courses that the reader may see."""
        changes = dict(row.changes)
        if within is not None and "course_ids" in changes:
            changes["course_ids"] = [[c for c in side if c in within] for side in changes["course_ids"]]
        return cls(
            row=row.row,
            outcome=row.outcome,
            values=row.values,
            changes=changes,
            errors=[CellError(**fault) for fault in row.errors],
            applied=row.applied,
            undone=row.undone,
            kept_because=row.kept_because,
        )
