"""The child's main: reads one roster file and prints what ``read.read_roster`` takes apart again."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from services.imports.roster.gate import Kind, kind_of
from services.imports.roster.lines import CellError, RosterFailed, RosterRow, RosterStudent
from utils.limited_process import serve

if TYPE_CHECKING:
    from services.imports.roster.table import Table

Line: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class Request:
    """What the parent asks for. ``groups`` leads from the name or code of a course to its id."""

    path: str
    filename: str
    default_country: str
    groups: Mapping[str, str]
    course_ids: list[str]
    max_rows: int
    max_columns: int


def work(request: Mapping[str, Any]) -> Iterator[Line]:
    """Yield the header, the rows and the end; or one line that says why the file cannot be used."""
    try:
        yield from _lines(Request(**request))
    except RosterFailed as failure:
        yield {"kind": "failed", "slug": failure.slug, "detail": failure.detail}


def _lines(request: Request) -> Iterator[Line]:
    path = Path(request.path)
    table = _opened(path, kind_of(path, request.filename), request.max_columns)
    # a file that is refused must not cost the time to load what reads good ones
    from services.imports.roster.collect import collected  # noqa: PLC0415
    from services.imports.roster.groups import Groups  # noqa: PLC0415

    groups = Groups(request.groups, request.course_ids)
    rows = collected(table, groups, request.default_country, request.max_rows)
    yield {
        "kind": "header",
        "columns": table.header.columns,
        "ignored": table.header.ignored,
        "encoding": table.encoding,
        "sheet": table.sheet,
    }
    yield from map(_row_line, rows)
    yield {"kind": "end", "rows": len(rows)}


def _opened(path: Path, kind: Kind, most_columns: int) -> "Table":
    if kind is Kind.WORKBOOK:
        from services.imports.roster.sheets import read_workbook  # noqa: PLC0415  see above

        return read_workbook(path, most_columns)
    from services.imports.roster.delimited import read_text  # noqa: PLC0415  see above

    return read_text(path, most_columns)


def _row_line(row: RosterRow) -> Line:
    return {
        "kind": "row",
        "row": row.row,
        "values": row.values,
        "student": _student(row.student) if row.student else None,
        "errors": [_error(error) for error in row.errors],
    }


def _student(student: RosterStudent) -> Line:
    return {
        "username": student.username,
        "roll_number": student.roll_number,
        "name": student.name,
        "mobile_number": student.mobile_number,
        "email": student.email,
        "course_ids": student.course_ids,
    }


def _error(error: CellError) -> Line:
    return {"column": error.column, "detail": error.detail}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # openpyxl has one for every odd date
    serve(work)
