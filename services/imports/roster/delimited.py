"""A roster in a text file: CSV with comma, semicolon, tab or bar."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from services.imports.roster.cells import text_cell
from services.imports.roster.encodings import decoded
from services.imports.roster.header import EXPECTED, SEARCHED_ROWS, Header, best_header
from services.imports.roster.lines import Cell, CellError, Column, Fault, RawRow, RosterFailed
from services.imports.roster.table import Table, picked, too_wide

NAMES_OF_DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
LONGEST_FIELD: Final = 100_000
KEPT_AS_TEXT: Final = re.compile(r'^="([^"]*)"$')  # how some portals keep leading zeros
LINE_BREAK: Final = re.compile(r"[\r\n]+")
SHOWN: Final = 100
SWALLOWS: Final = 'swallows rows below it; a quotation mark (") is missing or too many'
WEB_PAGE: Final = re.compile(r"\s*<(?:!doctype html|html|table|\?xml)", re.IGNORECASE)


def read_text(path: Path, most_columns: int) -> Table:
    """Return the roster in a text file; raise RosterFailed when it is none."""
    text, encoding = decoded(path.read_bytes())
    if WEB_PAGE.match(text):
        raise RosterFailed(
            "not-a-roster",
            "This is a web page that was saved under the name of a spreadsheet. Open it, choose Save As > "
            "Excel Workbook (.xlsx) and upload that.",
        )
    delimiter, header = _sniffed(text)
    if header.checked().width > most_columns:
        raise too_wide(most_columns)
    return Table(header, encoding, None, _raw_rows(text, delimiter, header))


def _sniffed(text: str) -> tuple[str, Header]:
    """Return the delimiter that makes most sense of the headings."""
    found = [(delimiter, header) for delimiter in NAMES_OF_DELIMITERS if (header := _header(text, delimiter))]
    if not found:
        raise RosterFailed(
            "no-header",
            f"No row among the first {SEARCHED_ROWS} has the headings of a roster. Expected are {EXPECTED}",
        )
    return max(found, key=lambda pair: len(pair[1].places))


def _header(text: str, delimiter: str) -> Header | None:
    first = islice(_records(text, delimiter), SEARCHED_ROWS)
    return best_header((number, [text_cell(cell) for cell in cells]) for number, cells in first)


def _raw_rows(text: str, delimiter: str, header: Header) -> Iterator[RawRow]:
    def cell(raw: str) -> Cell:
        value = raw.strip()
        if delimiter in value and LINE_BREAK.search(value):
            return Fault(value[:SHOWN], SWALLOWS)
        return text_cell(KEPT_AS_TEXT.sub(r"\1", value))

    for number, cells in _records(text, delimiter):
        if number > header.row and (values := picked(header, cells, cell)):
            yield RawRow(number, values, tuple(_row_errors(cells, delimiter, header)))


def _row_errors(cells: Sequence[str], delimiter: str, header: Header) -> Iterator[CellError]:
    """Yield what is wrong with the row as a whole, so that no row is lost inside another."""
    if any(cell.strip() for cell in cells[header.width :]):
        mark = NAMES_OF_DELIMITERS[delimiter]
        yield CellError(
            Column.NAME.label,
            f"The row has more cells than headings; put a value that holds a {mark} in quotation marks.",
        )
    lines = (line for cell in cells for line in LINE_BREAK.split(cell)[1:])
    if any(line.count(delimiter) >= header.width - 1 for line in lines):
        yield CellError(Column.NAME.label, f"The row {SWALLOWS}.")


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(LONGEST_FIELD)
    try:
        yield from enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 1)
    except csv.Error as error:
        raise RosterFailed(
            "broken-quotes",
            'A value never ends: look for a quotation mark (") that is missing or too many, or save the list '
            "as an Excel workbook and upload that.",
        ) from error
