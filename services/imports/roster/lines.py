"""What reading a roster gives: one header, the rows, the end; or the reason why the file cannot be read."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

LONGEST_CELL: Final = 1000


class Column(StrEnum):
    """A column that we know; the value is its key in ``RosterRow.values``."""

    GROUP = "group"
    ROLL_NUMBER = "roll_number"
    NAME = "name"
    MOBILE = "mobile_number"
    EMAIL = "email"

    @property
    def label(self) -> str:
        """Return the heading that people see."""
        return LABELS[self]


LABELS: Final[Mapping[Column, str]] = {
    Column.GROUP: "Group",
    Column.ROLL_NUMBER: "Roll Number",
    Column.NAME: "Student Name",
    Column.MOBILE: "Mobile Number",
    Column.EMAIL: "Email",
}


class RosterFailed(Exception):
    """The file as a whole cannot be used. ``detail`` is for the person who chose the file."""

    def __init__(self, slug: str, detail: str) -> None:
        super().__init__(detail)
        self.slug = slug
        self.detail = detail


@dataclass(frozen=True, slots=True)
class CellError:
    """What is wrong with one cell."""

    column: str
    detail: str


@dataclass(frozen=True, slots=True)
class RosterStudent:
    """A row in normal form. ``mobile_number`` is E.164 with ``+``."""

    username: str
    roll_number: str
    name: str
    mobile_number: str | None
    email: str | None
    course_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RosterHeader:
    """How the file was understood. ``ignored`` are headings that mean nothing to us."""

    columns: tuple[str, ...]
    ignored: tuple[str, ...]
    encoding: str | None
    sheet: str | None


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One row: ``row`` is the number that a spreadsheet shows, ``values`` the trimmed cells as given.

    ``student`` is None exactly when there are errors.
    """

    row: int
    values: Mapping[str, str]
    student: RosterStudent | None
    errors: tuple[CellError, ...]


@dataclass(frozen=True, slots=True)
class RosterEnd:
    """All rows were given; ``rows`` is how many."""

    rows: int


RosterLine: TypeAlias = RosterHeader | RosterRow | RosterEnd


@dataclass(frozen=True, slots=True)
class Fault:
    """A cell that cannot be read as a value: what it shows, and why not."""

    text: str
    detail: str


Cell: TypeAlias = str | Fault


@dataclass(frozen=True, slots=True)
class RawRow:
    """The recognised cells of one row that are not blank."""

    number: int
    cells: Mapping[Column, Cell]
    errors: tuple[CellError, ...] = ()
