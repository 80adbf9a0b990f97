"""One raw row becomes a student in normal form, or the list of everything that is wrong with it."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from services.imports.roster.groups import Groups
from services.imports.roster.lines import CellError, Column, Fault, RawRow, RosterRow, RosterStudent
from utils.identifiers import NotAllowed, email_of, mobile_of, name_of, roll_number_of, username_of

T = TypeVar("T")


def checked_row(raw: RawRow, groups: Groups, country: str) -> RosterRow:
    """Return the row with its student, or with an error for each wrong cell."""
    reading = _Reading(raw)
    course_ids = reading.group(groups)
    roll_number = reading.required(Column.ROLL_NUMBER, roll_number_of)
    name = reading.required(Column.NAME, name_of)
    mobile = reading.optional(Column.MOBILE, lambda text: mobile_of(text, country))
    email = reading.optional(Column.EMAIL, email_of)
    student = None
    if not reading.errors and roll_number and name:
        student = RosterStudent(username_of(roll_number), roll_number, name, mobile, email, course_ids)
    return RosterRow(raw.number, given_values(raw), student, tuple(reading.errors))


def given_values(raw: RawRow) -> Mapping[str, str]:
    """Return the cells of a row as the file has them."""
    texts = ((column, cell.text if isinstance(cell, Fault) else cell) for column, cell in raw.cells.items())
    return {column.value: text for column, text in texts}


class _Reading:
    """Reads the cells of one row and collects what is wrong with them."""

    def __init__(self, raw: RawRow) -> None:
        self._cells = raw.cells
        self.errors = list(raw.errors)

    def required(self, column: Column, convert: Callable[[str], T]) -> T | None:
        """Return a cell in normal form; a blank one is an error."""
        if column not in self._cells:
            self._wrong(column, f"The {column.label.lower()} is missing.")
        return self.optional(column, convert)

    def optional(self, column: Column, convert: Callable[[str], T]) -> T | None:
        """Return a cell in normal form, None for a blank or wrong one."""
        cell = self._cells.get(column)
        if cell is None:
            return None
        if isinstance(cell, Fault):
            self._wrong(column, f"The cell {cell.detail}.")
            return None
        try:
            return convert(cell)
        except NotAllowed as error:
            self._wrong(column, str(error))
            return None

    def group(self, groups: Groups) -> tuple[str, ...]:
        """Return the courses of the row."""
        if Column.GROUP in self._cells:
            return self.optional(Column.GROUP, groups.courses_of) or ()
        try:
            return groups.courses_of(None)
        except NotAllowed as error:
            self._wrong(Column.GROUP, str(error))
            return ()

    def _wrong(self, column: Column, detail: str) -> None:
        self.errors.append(CellError(column.label, detail))
