"""Roster files as people and attackers make them, and a short way to read one."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook

from services.imports.roster.child import work
from services.imports.roster.lines import RosterFailed

HEADINGS = ("Group", "Roll Number", "Student Name", "Mobile Number", "Email")
ASHA = ("CSE", "21CS001", "Asha Rao", "9876543210", "asha@example.com")
BABU = ("ECE", "21EC002", "Babu Lal", "9876543211", "babu@example.com")
GROUPS = {"CSE": "course-cse", "Electronics": "course-ece", "ECE": "course-ece"}


class Reading:
    """What came of reading a file in this process."""

    def __init__(self, lines: Sequence[Mapping[str, Any]]) -> None:
        self.header, *self.rows, self.end = lines

    def student(self, index: int = 0) -> Any:
        return self.rows[index]["student"]

    def students(self) -> list[Any]:
        return [row["student"] for row in self.rows]

    def errors(self, index: int = 0) -> list[tuple[str, str]]:
        return [(error["column"], error["detail"]) for error in self.rows[index]["errors"]]


def request(path: Path, filename: str, **options: Any) -> dict[str, Any]:
    return {
        "path": str(path),
        "filename": filename,
        "default_country": "IN",
        "groups": GROUPS,
        "course_ids": [],
        "max_rows": 20_000,
        "max_columns": 50,
        **options,
    }


def read(folder: Path, content: bytes, filename: str = "roster.xlsx", **options: Any) -> Reading:
    path = folder / "upload"
    path.write_bytes(content)
    lines: list[Any] = list(work(request(path, filename, **options)))
    if lines[0]["kind"] == "failed":
        raise RosterFailed(lines[0]["slug"], lines[0]["detail"])
    assert lines[-1] == {"kind": "end", "rows": len(lines) - 2}
    return Reading(lines)


def xlsx(*rows: Sequence[Any], headings: Sequence[str] = HEADINGS, **layout: Any) -> bytes:
    """A workbook of one sheet; ``layout['touch']`` may change the sheet before it is saved."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = layout.get("title", "Students")
    for row in (headings, *rows):
        sheet.append(list(row))
    touch: Callable[[Any], None] = layout.get("touch", lambda sheet: None)
    touch(sheet)
    return saved(book)


def saved(book: Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def text(*rows: Sequence[str], headings: Sequence[str] = HEADINGS, mark: str = ",") -> str:
    return "".join(mark.join(row) + "\r\n" for row in (headings, *rows))


def repacked(content: bytes, changes: Mapping[str, bytes | Callable[[bytes], bytes]]) -> bytes:
    """The same archive with parts replaced, changed or added."""
    file = io.BytesIO()
    with ZipFile(io.BytesIO(content)) as old, ZipFile(file, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            change = changes.get(name)
            part = old.read(name)
            new.writestr(name, change(part) if callable(change) else change or part)
        for name in changes.keys() - set(old.namelist()):
            added = changes[name]
            assert isinstance(added, bytes)
            new.writestr(name, added)
    return file.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRINGS_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"


def with_strings(content: bytes, strings_xml: str) -> bytes:
    """The workbook with a table of shared strings, as Excel keeps them."""
    override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{STRINGS_TYPE}"/></Types>'
    return repacked(
        content,
        {
            "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{strings_xml}</sst>'.encode(),
            "[Content_Types].xml": lambda types: types.replace(b"</Types>", override.encode()),
        },
    )


def with_sheet(rows_xml: str) -> bytes:
    """A workbook whose only sheet holds this XML between its sheetData tags."""
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{rows_xml}</sheetData></worksheet>'
    return repacked(xlsx(), {SHEET: sheet.encode()})


def row_xml(*texts: str, number: int | None = None) -> str:
    """A row of inline strings, at a place of its own or simply after the one before."""
    cells = "".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in texts)
    return f'<row r="{number}">{cells}</row>' if number else f"<row>{cells}</row>"
