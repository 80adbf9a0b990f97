"""The roster sheet of an XLSX that ``inspect_zip`` has let through."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias
from xml.etree.ElementTree import ParseError  # nosec B405  # the error alone

from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from services.imports.roster.cells import formula_cell, value_cell
from services.imports.roster.header import EXPECTED, SEARCHED_ROWS, Header, best_header
from services.imports.roster.inspect_zip import DAMAGED
from services.imports.roster.lines import Cell, Fault, RawRow, RosterFailed
from services.imports.roster.table import Table, picked, too_wide

LAST_ROW: Final = 1_048_576
EXPAT_NO_MEMORY: Final = 1
MOST_SHEETS_NAMED: Final = 10

Sheet: TypeAlias = Any  # openpyxl's read-only worksheet and cell are not in its type stubs' public part
SheetCell: TypeAlias = Any


def read_workbook(path: Path, most_columns: int) -> Table:
    """Return the first visible sheet that has a roster's headings; raise RosterFailed when none has."""
    with _damage_told():
        file = BytesIO(path.read_bytes())  # given a path, openpyxl would judge it by its ending
        book = load_workbook(file, read_only=True, data_only=False, keep_links=False)
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    sheet, header = _roster_sheet(sheets, most_columns)
    if header.width > most_columns:
        raise too_wide(most_columns)
    return Table(header, None, sheet.title, _raw_rows(sheet, header, most_columns))


def _roster_sheet(sheets: Sequence[Sheet], most_columns: int) -> tuple[Sheet, Header]:
    found = [(sheet, header) for sheet in sheets if (header := _header(sheet, most_columns))]
    complete = ((sheet, header) for sheet, header in found if not header.missing)
    sheet, header = next(complete, found[0] if found else (None, None))
    if header is None:
        names = ", ".join(f'"{sheet.title[:40]}"' for sheet in sheets[:MOST_SHEETS_NAMED]) or "none"
        raise RosterFailed(
            "wrong-sheet",
            f"No sheet has the headings of a roster in its first {SEARCHED_ROWS} rows. "
            f"Sheets found: {names}. Expected are {EXPECTED}",
        )
    return sheet, header.checked()


def _header(sheet: Sheet, most_columns: int) -> Header | None:
    sheet.reset_dimensions()  # a sheet may lie about its size
    first = islice(_numbered(sheet, most_columns), SEARCHED_ROWS)
    return best_header((number, [_cell(cell) for cell in cells]) for number, cells in first)


def _raw_rows(sheet: Sheet, header: Header, most_columns: int) -> Iterator[RawRow]:
    for number, cells in _numbered(sheet, most_columns):
        if number <= header.row:
            continue
        if len(cells) > most_columns and cells[most_columns].value is not None:
            raise too_wide(most_columns)
        if values := picked(header, cells, _cell):
            yield RawRow(number, values)


def _numbered(sheet: Sheet, most_columns: int) -> Iterator[tuple[int, Sequence[SheetCell]]]:
    with _damage_told():
        for number, cells in enumerate(sheet.iter_rows(max_col=most_columns + 1), 1):
            if number > LAST_ROW:
                raise RosterFailed("damaged-file", DAMAGED)
            yield number, cells


def _cell(cell: SheetCell) -> Cell:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        return formula_cell(value if isinstance(value, str) else "=")
    if cell.data_type == "e":
        return Fault(str(value), f"holds the spreadsheet error {value}")
    if isinstance(value, str):
        return value_cell(unescape(value))
    return value_cell(value, cell.number_format)


@contextmanager
def _damage_told() -> Iterator[None]:
    """Whatever a broken workbook makes openpyxl raise becomes one sentence; want of memory stays itself."""
    try:
        yield
    except (MemoryError, RosterFailed):
        raise
    except ParseError as error:
        if error.code == EXPAT_NO_MEMORY:
            raise MemoryError from error
        raise RosterFailed("damaged-file", DAMAGED) from error
    except Exception as error:
        raise RosterFailed("damaged-file", DAMAGED) from error
