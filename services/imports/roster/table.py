"""A roster as both readers give it: the headings understood, then raw rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from services.imports.roster.header import Header
from services.imports.roster.lines import Cell, Column, RawRow, RosterFailed

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Table:
    """An opened roster. ``rows`` can be read once and leaves out blank rows."""

    header: Header
    encoding: str | None
    sheet: str | None
    rows: Iterator[RawRow]


def picked(header: Header, cells: Sequence[T], read: Callable[[T], Cell]) -> dict[Column, Cell]:
    """Return the cells of the recognised columns that are not blank."""
    found = ((column, cells[place]) for column, place in header.places.items() if place < len(cells))
    return {column: value for column, cell in found if (value := read(cell))}


def too_wide(most_columns: int) -> RosterFailed:
    """Return the failure of a table with too many columns."""
    return RosterFailed(
        "too-many-columns",
        f"The table has more than {most_columns} columns. Delete the ones that a roster does not need.",
    )
