"""CSV lines whose cells no spreadsheet runs or reckons with."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Final

from utils.identifiers import starts_formula

# what some programs pass over at the beginning of a cell
PASSED_OVER: Final = re.compile(r"[\s\u00ad\u200b-\u200f\u2060\ufeff]+")
# where spreadsheets of other countries begin a new cell, whatever quotes say: that one must be text, too
SPLIT: Final = re.compile(
    r"([;\t][\s\"\u00ad\u200b-\u200f\u2060\ufeff]*)('*)(?=[=+@\uff0b\uff1d\uff20\uff0d\u2212-])"
)
LINE_BREAK: Final = re.compile(r"[\r\n]+")
# what a spreadsheet would turn into another number, a date or 9.19877E+11 when it opens the file
RECKONED: Final = re.compile(r"0[0-9.]+|[0-9]{12,}|[0-9]+(?:[-/.:][0-9]+)+|[0-9.]+[eE][0-9]+")


def neutral(cell: str) -> str:
    """Return a cell that stays text; the reader of rosters takes the apostrophe off again."""
    split = SPLIT.sub(r"\1'\2", cell)
    return f"'{split}" if _is_run(cell.lstrip("'")) else split


def _is_run(cell: str) -> bool:
    passed_over = PASSED_OVER.match(cell)
    begins = cell[passed_over.end() :] if passed_over else cell
    if passed_over and not {"\t", "\r", "\n"}.isdisjoint(passed_over[0]):
        return True
    return starts_formula(begins) or bool(RECKONED.fullmatch(cell))


def csv_line(cells: Sequence[str]) -> str:
    """Return one line of neutral cells, each without line breaks."""
    line = io.StringIO(newline="")
    csv.writer(line).writerow([neutral(LINE_BREAK.sub(" ", cell)) for cell in cells])
    return line.getvalue()


def original(cell: str) -> str:
    """Return what a cell was before it was made neutral."""
    joined = rejoined(cell)
    return joined[1:] if joined.startswith("'") and _is_run(joined.lstrip("'")) else joined


def rejoined(cell: str) -> str:
    """Return a cell without the apostrophes that keep its parts from being cells of their own."""
    return SPLIT.sub(lambda found: found[1] + found[2][1:], cell)
