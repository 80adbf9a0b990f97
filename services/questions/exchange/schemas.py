"""What clients send and see of files of questions."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.questions.schemas import Id, Key, QuestionFilters


class QuestionImport(BaseModel):
    """A file of questions for one module and level, where a row of a table does not name its own.

    With ``dry_run`` nothing is stored: the reply says what would be.
    """

    model_config = ConfigDict(extra="forbid")

    format: Literal["gift", "csv", "xlsx"]
    module: Key
    level: Key
    dry_run: bool = False
    campus_id: Id | None = None
    filename: str = Field(max_length=255)
    content: bytes


class Rejected(BaseModel):
    """A question that did not go in: where it begins in the file, why, and how it begins."""

    line: int
    reason: str
    text: str


class Repeated(BaseModel):
    """A question that is there already: in the bank (``question_id``), or further up in the file."""

    line: int
    question_id: str | None
    first_line: int | None


class ImportedQuestions(BaseModel):
    """What became of a file: ``created`` went in (or would), ``duplicates`` were there, the rest is wrong."""

    dry_run: bool
    created: int
    duplicates: int
    rejected: list[Rejected]
    repeated: list[Repeated]
    ids: list[str]


class QuestionExport(QuestionFilters):
    """Which questions, and in which format."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["gift", "csv"] = "gift"
