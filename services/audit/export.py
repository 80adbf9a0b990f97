"""Audit rows as lines of a CSV file that can be checked outside, and read back."""

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from services.audit.chain import canonical, moment
from services.audit.documents import AuditRecord
from utils.csv_cells import csv_line, original

COLUMNS: Final = (
    "id",
    "at",
    "campus_id",
    "action",
    "actor_id",
    "target",
    "detail",
    "request_id",
    "seq",
    "prev",
    "hash",
    "mac",
)
BOM: Final = "\ufeff"
LONGEST_CELL: Final = 16 * 1024 * 1024


class NotAnExport(Exception):
    """The file is none of ours, or was cut or edited so that it cannot be read; the text says where."""


def header() -> str:
    """Return the first line."""
    return BOM + csv_line(COLUMNS)


def line(record: AuditRecord) -> str:
    """Return one row as a line."""
    row = record.to_mongo()
    row |= {"id": record.id, "at": moment(record.at), "detail": canonical(record.detail)}
    return csv_line(["" if row[name] is None else str(row[name]) for name in COLUMNS])


def read(lines: Iterable[str]) -> Iterator[AuditRecord]:
    """Yield the rows of an export; raise NotAnExport."""
    csv.field_size_limit(LONGEST_CELL)
    rows = csv.reader(lines, strict=True)
    try:
        names = [name.removeprefix(BOM) for name in next(rows, [])]
        if tuple(names) != COLUMNS:
            raise NotAnExport("the first line does not name the columns of an export of the audit log")
        for cells in rows:
            yield _record(dict(zip(COLUMNS, map(original, cells), strict=True)))
    except (ValueError, csv.Error) as fault:
        raise NotAnExport(f"line {rows.line_num} cannot be read ({type(fault).__name__})") from None


def _record(cells: dict[str, Any]) -> AuditRecord:
    empty = {name: None for name in ("campus_id", "seq", "prev", "hash") if not cells[name]}
    return AuditRecord.model_validate({**cells, "detail": json.loads(cells["detail"]), **empty})
