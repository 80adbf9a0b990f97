"""The child's main: reads one table of questions and prints its rows, cell by cell."""

import csv
import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final, TypeAlias

from services.imports.roster.cells import UNSTORABLE, formula_cell, value_cell
from services.imports.roster.encodings import decoded
from services.imports.roster.gate import Kind, kind_of
from services.imports.roster.lines import Cell, Fault, RosterFailed
from utils.identifiers import starts_formula
from utils.limited_process import serve

LONGEST: Final = 20_000
BROKEN: Final = (
    "The file cannot be read as a table: a quotation mark is missing or too many, or it is damaged."
)

Line: TypeAlias = dict[str, object]


def work(request: Mapping[str, Any]) -> Iterator[Line]:
    """Yield the rows and the end; or one line that says why the file cannot be used."""
    path, count = Path(request["path"]), 0
    try:
        for number, cells in _rows(path, request["filename"], request["max_columns"]):
            if any(cells):
                count += 1
                if count > request["max_rows"]:
                    raise RosterFailed("too-long", f"The file has more than {request['max_rows']} rows.")
                yield _line(number, cells)
    except RosterFailed as failure:
        yield {"kind": "failed", "detail": failure.detail}
        return
    except MemoryError:
        raise
    except Exception:  # whatever a broken file makes a library raise is one sentence for whoever sent it
        yield {"kind": "failed", "detail": BROKEN}
        return
    yield {"kind": "end"}


def _rows(path: Path, filename: str, columns: int) -> Iterator[tuple[int, Sequence[Cell]]]:
    if kind_of(path, filename) is Kind.TEXT:
        csv.field_size_limit(LONGEST)
        text = decoded(path.read_bytes())[0]
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        line = 1
        for cells in reader:
            yield line, [_text(cell) for cell in cells[:columns]]
            line = reader.line_num + 1
    else:
        yield from _sheet(path, columns)


def _sheet(path: Path, columns: int) -> Iterator[tuple[int, Sequence[Cell]]]:
    from openpyxl import load_workbook  # noqa: PLC0415  a CSV must not cost the time to load it

    book = load_workbook(BytesIO(path.read_bytes()), read_only=True, data_only=False, keep_links=False)
    sheet: Any = next((one for one in book.worksheets if one.sheet_state == "visible"), None)
    if sheet is None:
        raise RosterFailed("no-sheet", "The workbook has no sheet that is shown.")
    sheet.reset_dimensions()  # a sheet may lie about its size
    for number, cells in enumerate(sheet.iter_rows(max_col=columns), 1):
        yield number, [_value(cell) for cell in cells]


def _value(cell: Any) -> Cell:
    value = cell.value
    if cell.data_type == "f":
        return formula_cell(value if isinstance(value, str) else "=")
    if isinstance(value, str):
        return _text(value)
    return value_cell(value, cell.number_format) if value is not None else ""


def _text(text: str) -> Cell:
    """Return a text without a protecting apostrophe; what a file of ours protects is no formula."""
    plain = UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text).strip()
    bare = plain.removeprefix("'")
    if bare != plain and (starts_formula(bare) or bare[:1].isdecimal()):
        return bare
    return Fault(plain[:100], f"is longer than {LONGEST} characters") if len(plain) > LONGEST else plain


def _line(number: int, cells: Sequence[Cell]) -> Line:
    fault = next((cell for cell in cells if isinstance(cell, Fault)), None)
    shown = [cell.text if isinstance(cell, Fault) else cell for cell in cells]
    reason = f"The cell {fault.text[:60]!r} {fault.detail}." if fault is not None else None
    return {"kind": "row", "row": number, "cells": shown, "reason": reason}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # openpyxl has one for every odd date
    serve(work)
