"""What people get back: the rows to mend, the template, the sample. All of it can be uploaded again."""

import csv
import io
import re
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from services.imports.roster.cells import text_cell
from services.imports.roster.error_file import error_csv, reason_of, template_csv
from services.imports.roster.lines import CellError, RosterFailed
from services.imports.roster.template import template_xlsx
from tests.services.imports.roster_files import ASHA, HEADINGS, read, text
from utils.csv_cells import neutral
from utils.limited_process import ROOT

SAMPLE = ROOT / "samples" / "roster_500.xlsx"
KEYS = ("group", "roll_number", "name", "mobile_number", "email")


def test_refused_rows_come_back_with_their_reasons_and_can_be_uploaded_again(tmp_path: Path) -> None:
    bad = ("MECH", "0012", "Asha, Rao", "+91 98765", "")
    first = read(tmp_path, text(ASHA, ("MECH", "0012", '"Asha, Rao"', "+91 98765", "")).encode(), "a.csv")
    refused = first.rows[1]
    reason = reason_of(CellError(**error) for error in refused["errors"])

    content = b"".join(error_csv(first.header["columns"], [(refused["values"], reason)]))
    again = read(tmp_path, content, "errors.csv")

    assert content.startswith(b"\xef\xbb\xbfGroup,Roll Number,Student Name,Mobile Number,Email,Reason\r\n")
    assert "Mobile Number: " in content.decode()
    assert "'+91 98765" in content.decode()
    assert again.header["ignored"] == ()
    assert again.rows[0]["values"] == dict(zip(KEYS[:4], bad[:4], strict=True))
    assert again.errors() == first.errors(1)


def test_the_file_of_refused_rows_has_only_the_columns_that_the_roster_had() -> None:
    columns = ("Student Name", "Roll Number", "Mobile Number")

    content = b"".join(error_csv(columns, [({"name": "Asha", "roll_number": "1"}, "Row is wrong.")]))

    assert content.decode("utf-8-sig").splitlines() == [
        "Roll Number,Student Name,Mobile Number,Reason",
        "1,Asha,,Row is wrong.",
    ]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"])  # noqa: RUF001
def test_no_spreadsheet_runs_a_cell_of_a_file_that_we_made(sign: str) -> None:
    assert neutral(f"{sign}cmd|' /C calc'!A0").startswith("'")


@pytest.mark.parametrize("value", ["0012", "919876543210", "10-05", "21/05/045", "21E05", "+919876543210"])
def test_what_a_spreadsheet_would_reckon_with_is_protected_and_comes_back_as_it_was(value: str) -> None:
    assert neutral(value) == f"'{value}"
    assert text_cell(neutral(value)) == value


def test_ordinary_values_are_not_touched() -> None:
    for value in (*ASHA, "007CS", "O'Brien", "रमेश", ""):
        assert neutral(value) == value


cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.from_regex(
    r"['=+\-@0-9eE.\"/,;\s]{1,12}", fullmatch=True
)


@settings(deadline=None, max_examples=300)
@given(st.lists(cells, min_size=5, max_size=5))
def test_whatever_was_given_comes_back_from_the_file_of_refused_rows(given_cells: list[str]) -> None:
    read_once = [cell if isinstance(cell := text_cell(raw), str) else cell.text for raw in given_cells]
    read_once[1] = read_once[1] or "1"
    values = {key: cell for key, cell in zip(KEYS, read_once, strict=True) if cell}
    content = b"".join(error_csv(HEADINGS, [(values, "Because.")]))

    with tempfile.TemporaryDirectory() as folder:
        again = read(Path(folder), content, "errors.csv")

    assert again.rows[0]["values"] == {key: re.sub(r"[\r\n]+", " ", cell) for key, cell in values.items()}
    for cell in next(csv.reader(io.StringIO(content.decode("utf-8-sig").split("\r\n", 1)[1], newline=""))):
        assert not unicodedata.normalize("NFKC", cell[:1]).startswith(("=", "+", "-", "@", "\t", "\r"))


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(categories=["L", "M", "Zs"]), min_size=1, max_size=250))
def test_a_name_goes_in_whole_or_not_at_all(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        content = text(("CSE", "1", '"' + name + '"', "", "")).encode()
        reading = read(Path(folder), content, "a.csv")

    if student := reading.student():
        assert student["name"] == " ".join(unicodedata.normalize("NFC", name).split())
    else:
        assert reading.errors()


def test_the_template_is_a_roster_without_students(tmp_path: Path) -> None:
    for content, filename in ((template_csv(), "t.csv"), (template_xlsx(), "t.xlsx")):
        with pytest.raises(RosterFailed) as failed:
            read(tmp_path, content, filename)
        assert failed.value.slug == "no-rows"


def test_the_columns_of_the_template_are_text_so_that_leading_zeros_survive() -> None:
    sheet = load_workbook(io.BytesIO(template_xlsx())).worksheets[0]

    assert [cell.value for cell in sheet[1]] == list(HEADINGS)
    assert {sheet.column_dimensions[letter].number_format for letter in "ABCDE"} == {"@"}


def test_the_sample_holds_500_students_in_many_scripts(tmp_path: Path) -> None:
    reading = read(tmp_path, SAMPLE.read_bytes(), groups={"CSE": "c1", "ECE": "c2"})

    students = reading.students()
    assert len(students) == 500
    assert None not in students
    assert len({student["mobile_number"] for student in students}) == 500
    assert all(student["roll_number"].startswith("00") for student in students)
    assert all(student["email"].endswith(("@example.com", "@example.org")) for student in students)
    assert 450 < len({student["email"] for student in students}) < 500
    assert {student["course_ids"] for student in students} == {("c1",), ("c2",)}
    scripts = {unicodedata.name(student["name"][0]).split()[0] for student in students}
    assert scripts == {"LATIN", "DEVANAGARI", "TAMIL", "ARABIC", "TELUGU", "MALAYALAM"}


def test_the_sample_can_be_made_again_byte_for_byte_and_in_any_size(tmp_path: Path) -> None:
    script = str(ROOT / "samples" / "make_roster.py")
    for name in ("one.xlsx", "two.xlsx"):
        subprocess.run(
            [sys.executable, script, "--rows", "30", "--out", str(tmp_path / name)], check=True, cwd=tmp_path
        )

    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()
    assert len(read(tmp_path, (tmp_path / "one.xlsx").read_bytes()).rows) == 30
