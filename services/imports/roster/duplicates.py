"""Rows of one file that cannot all go in: the same roll number or the same mobile number twice."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from services.imports.roster.lines import CellError, Column, RosterRow, RosterStudent
from utils.identifiers import NotAllowed, identifier_forms, mobile_of, username_of

MOST_NAMED: Final = 5
ENDING: Final = 7


def marked(rows: Sequence[RosterRow], country: str) -> list[RosterRow]:
    """Return the rows, with an error on each that another row of the file rules out."""
    return _mobiles_marked(_roll_numbers_marked(rows), country)


def _roll_numbers_marked(rows: Sequence[RosterRow]) -> list[RosterRow]:
    same: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        if username := _username(row):
            same.setdefault(username, []).append(index)
    marked = list(rows)
    for indexes in (indexes for indexes in same.values() if len(indexes) > 1):
        for index, detail in _refusals([rows[index] for index in indexes], indexes):
            marked[index] = _wrong(rows[index], Column.ROLL_NUMBER, detail)
    return marked


def _refusals(together: Sequence[RosterRow], indexes: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Yield what is wrong with rows of one roll number: with copies all but the first, else every one."""
    first = together[0]
    if all(_identity(row) == _identity(first) for row in together[1:]):
        yield from ((index, _repetition(first)) for index in indexes[1:])
        return
    for index, row in zip(indexes, together, strict=True):
        others = _listed([other.row for other in together[: MOST_NAMED + 1]], row.row, len(together))
        yield index, f"The roll number is also in {others}, with other details; keep the right one."


def _mobiles_marked(rows: Sequence[RosterRow], country: str) -> list[RosterRow]:
    mobiles = [_mobile(row, country) for row in rows]
    taken_as_username = _mobile_usernames(rows, mobiles, country)
    first: dict[str, RosterRow] = {}
    marked: list[RosterRow] = []
    for row, mobile in zip(rows, mobiles, strict=True):
        earlier = first.setdefault(mobile, row) if mobile else row
        holder = taken_as_username.get(mobile, row) if mobile else row
        if earlier is not row and not _repeats(row, earlier):
            row = _wrong(row, Column.MOBILE, f"The mobile number is also in row {earlier.row}.")
        elif holder.row != row.row and not _repeats(row, holder):
            row = _wrong(row, Column.MOBILE, f"The mobile number is the roll number of row {holder.row}.")
        marked.append(row)
    return marked


def _mobile_usernames(
    rows: Iterable[RosterRow], mobiles: Iterable[str | None], country: str
) -> dict[str, RosterRow]:
    """Return the rows whose roll number could be a mobile number of the file, by that number."""
    endings = {mobile[-ENDING:] for mobile in mobiles if mobile}
    found: dict[str, RosterRow] = {}
    for row in rows:
        # to try every roll number as a telephone number would cost as much as reading the file
        if row.student and "".join(filter(str.isdigit, row.student.username))[-ENDING:] in endings:
            for form in filter(str.isdecimal, identifier_forms(row.student.username, country)):
                found.setdefault(f"+{form}", row)
    return found


def _username(row: RosterRow) -> str | None:
    if row.student:
        return row.student.username
    try:
        return username_of(row.values.get(Column.ROLL_NUMBER.value, ""))
    except NotAllowed:
        return None


def _mobile(row: RosterRow, country: str) -> str | None:
    if row.student:
        return row.student.mobile_number
    try:
        return mobile_of(row.values.get(Column.MOBILE.value, ""), country)
    except NotAllowed:
        return None


def _identity(row: RosterRow) -> RosterStudent | dict[str, str]:
    return row.student or dict(row.values)


def _repeats(row: RosterRow, earlier: RosterRow) -> bool:
    """Tell whether this row was already refused as a copy of the other."""
    return any(error.detail == _repetition(earlier) for error in row.errors)


def _repetition(of: RosterRow) -> str:
    return f"It repeats row {of.row}."


def _listed(first: Sequence[int], itself: int, of: int) -> str:
    named = [str(number) for number in first if number != itself][:MOST_NAMED]
    more = of - 1 - len(named)
    return f"row{'s' if of > 2 else ''} {', '.join(named)}{f' and {more} more' if more else ''}"


def _wrong(row: RosterRow, column: Column, detail: str) -> RosterRow:
    return replace(row, student=None, errors=(*row.errors, CellError(column.label, detail)))
