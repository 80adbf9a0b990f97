"""CSV lines whose cells no spreadsheet runs or reckons with."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Final

from utils.identifiers import starts_formula

LINE_BREAK: Final = re.compile(r"[\r\n]+")
# what a spreadsheet would turn into another number, a date or 9.19877E+11 when it opens the file
RECKONED: Final = re.compile(r"0[0-9.]+|[0-9]{12,}|[0-9]+(?:[-/.:][0-9]+)+|[0-9.]+[eE][0-9]+")


def neutral(cell: str) -> str:
    """Return a cell that stays text; the reader of rosters takes the apostrophe off again."""
    if starts_formula(cell) or cell.startswith(("\t", "\r", "\n")) or RECKONED.fullmatch(cell):
        return f"'{cell}"
    return cell


def csv_line(cells: Sequence[str]) -> str:
    """Return one line of neutral cells, each without line breaks."""
    line = io.StringIO(newline="")
    csv.writer(line).writerow([neutral(LINE_BREAK.sub(" ", cell)) for cell in cells])
    return line.getvalue()


def original(cell: str) -> str:
    """Return what a cell was before it was made neutral."""
    return cell[1:] if cell.startswith("'") and neutral(cell[1:]) == cell else cell
