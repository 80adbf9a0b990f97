"""Files for people: the rows that were refused, to be mended and uploaded again; and the template as CSV."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from services.imports.roster.lines import CellError, Column
from utils.identifiers import starts_formula

LINE_BREAK: Final = re.compile(r"[\r\n]+")
REASON: Final = "Reason"
# what a spreadsheet would turn into another number, a date or 9.19877E+11 when it opens the file
RECKONED: Final = re.compile(r"0[0-9.]+|[0-9]{12,}|[0-9]+(?:[-/.:][0-9]+)+|[0-9.]+[eE][0-9]+")


def neutral(cell: str) -> str:
    """Return a cell that no spreadsheet runs or reckons with; the reader takes the apostrophe off again."""
    if starts_formula(cell) or cell.startswith(("\t", "\r", "\n")) or RECKONED.fullmatch(cell):
        return f"'{cell}"
    return cell


def reason_of(errors: Iterable[CellError]) -> str:
    """Return the errors of a row in one cell."""
    return " ".join(f"{error.column}: {error.detail}" for error in errors)


def error_csv(columns: Sequence[str], bad_rows: Iterable[tuple[Mapping[str, str], str]]) -> Iterator[bytes]:
    """Yield a CSV of the file's own columns (labels) and the reason, from each row's values and reason."""
    kept = [column for column in Column if column.label in columns]
    yield _line([*(column.label for column in kept), REASON]).encode("utf-8-sig")
    for values, reason in bad_rows:
        cells = [values.get(column.value, "") for column in kept]
        yield _line([*cells, reason]).encode()


def template_csv() -> bytes:
    """Return an empty roster: the headings, nothing else."""
    return _line([column.label for column in Column]).encode("utf-8-sig")


def _line(cells: Sequence[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line).writerow([neutral(LINE_BREAK.sub(" ", cell)) for cell in cells])
    return line.getvalue()
