"""Files for people: the rows that were refused, to be mended and uploaded again; and the template as CSV."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from services.imports.roster.lines import CellError, Column
from utils.csv_cells import csv_line

REASON: Final = "Reason"


def reason_of(errors: Iterable[CellError]) -> str:
    """Return the errors of a row in one cell."""
    return " ".join(f"{error.column}: {error.detail}" for error in errors)


def error_csv(columns: Sequence[str], bad_rows: Iterable[tuple[Mapping[str, str], str]]) -> Iterator[bytes]:
    """Yield a CSV of the file's own columns (labels) and the reason, from each row's values and reason."""
    kept = [column for column in Column if column.label in columns]
    yield csv_line([*(column.label for column in kept), REASON]).encode("utf-8-sig")
    for values, reason in bad_rows:
        cells = [values.get(column.value, "") for column in kept]
        yield csv_line([*cells, reason]).encode()


def template_csv() -> bytes:
    """Return an empty roster: the headings, nothing else."""
    return csv_line([column.label for column in Column]).encode("utf-8-sig")
