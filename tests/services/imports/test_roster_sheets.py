"""Workbooks of people: odd formats, odd places, and what each row becomes."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from services.imports.roster.lines import RosterFailed
from tests.services.imports.roster_files import (
    ASHA,
    BABU,
    HEADINGS,
    SHEET,
    read,
    repacked,
    row_xml,
    saved,
    with_sheet,
    with_strings,
    xlsx,
)


def test_a_roster_of_layout_one_becomes_students_of_their_groups(tmp_path: Path) -> None:
    reading = read(tmp_path, xlsx(ASHA, BABU))

    assert reading.header["columns"] == HEADINGS
    assert (reading.header["sheet"], reading.header["encoding"]) == ("Students", None)
    assert reading.rows[0] == {
        "kind": "row",
        "row": 2,
        "values": dict(zip(("group", "roll_number", "name", "mobile_number", "email"), ASHA, strict=True)),
        "student": {
            "username": "21cs001",
            "roll_number": "21CS001",
            "name": "Asha Rao",
            "mobile_number": "+919876543210",
            "email": "asha@example.com",
            "course_ids": ("course-cse",),
        },
        "errors": [],
    }
    assert reading.student(1)["course_ids"] == ("course-ece",)


def test_a_roster_of_layout_two_takes_the_courses_chosen_for_the_file(tmp_path: Path) -> None:
    headings = ("Student Name", "Roll Number", "Mobile Number")

    reading = read(tmp_path, xlsx(("Asha Rao", "21CS001", None), headings=headings), course_ids=["c1", "c2"])

    student = reading.student()
    assert (student["course_ids"], student["mobile_number"], student["email"]) == (("c1", "c2"), None, None)
    assert reading.rows[0]["values"] == {"name": "Asha Rao", "roll_number": "21CS001"}


@pytest.mark.parametrize(
    ("stored", "number_format", "seen"),
    [
        (42, "000000", "000042"),
        (42, "General", "42"),
        (42.0, "General", "42"),
        (21045, "00-000", "21-045"),
        (7, '"CS"000', "CS007"),
        (7, "\\A000", "A007"),
        (1234567, "#,##0", "1234567"),
        (123.0, "0.00", "123"),
        (21.5, "General", "21.5"),
        (1234567, "000", "1234567"),
        ("007", "General", "007"),
        (True, "General", "TRUE"),
        (datetime(2021, 5, 3), "yyyy-mm-dd", "2021-05-03"),
        (date(2021, 5, 3), "dd/mm/yy", "2021-05-03"),
    ],
)
def test_a_roll_number_is_read_as_the_sheet_shows_it(
    tmp_path: Path, stored: object, number_format: str, seen: str
) -> None:
    def formatted(sheet: Any) -> None:
        sheet["B2"].number_format = number_format

    reading = read(tmp_path, xlsx(("CSE", stored, "Asha Rao", None, None), touch=formatted))

    assert reading.student()["roll_number"] == seen


def test_a_mobile_number_stored_in_scientific_notation_keeps_its_digits(tmp_path: Path) -> None:
    content = repacked(
        xlsx(("CSE", "21CS001", "Asha Rao", 919876543210, None)),
        {SHEET: lambda sheet: sheet.replace(b"<v>919876543210</v>", b"<v>9.1987654321E+11</v>")},
    )

    reading = read(tmp_path, content)

    assert reading.student()["mobile_number"] == "+919876543210"
    assert reading.rows[0]["values"]["mobile_number"] == "919876543210"


def test_digits_that_a_spreadsheet_has_already_lost_are_an_error(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        xlsx(
            ("CSE", 1234567890123456, "Asha Rao", None, None), ("CSE", "21CS002", "Babu", "9.19876E+11", None)
        ),
    )

    assert [column for column, _ in reading.errors(0)] == ["Roll Number"]
    assert "more digits than a spreadsheet number keeps" in reading.errors(0)[0][1]
    assert [column for column, _ in reading.errors(1)] == ["Mobile Number"]
    assert "shortened by a spreadsheet" in reading.errors(1)[0][1]


def test_a_formula_is_an_error_that_says_how_to_get_rid_of_it(tmp_path: Path) -> None:
    reading = read(tmp_path, xlsx(("CSE", "21CS001", '=UPPER("asha")', "=1/0", None), BABU))

    assert reading.errors(0) == [
        ("Student Name", "The cell holds a formula; copy the column and paste it as values."),
        ("Mobile Number", "The cell holds a formula; copy the column and paste it as values."),
    ]
    assert reading.rows[0]["values"]["name"] == '=UPPER("asha")'


def test_a_formula_in_a_column_that_nobody_reads_does_no_harm(tmp_path: Path) -> None:
    content = xlsx((*ASHA, "=1+1"), headings=(*HEADINGS, "Fee"))

    reading = read(tmp_path, content)

    assert reading.student()["username"] == "21cs001"
    assert reading.header["ignored"] == ("Fee",)


def test_an_error_value_of_the_sheet_is_an_error(tmp_path: Path) -> None:
    reading = read(tmp_path, xlsx(("CSE", "21CS001", "#N/A", None, None)))

    assert reading.errors() == [("Student Name", "The cell holds the spreadsheet error #N/A.")]


def test_a_title_merged_over_the_table_and_blank_rows_are_passed_over(tmp_path: Path) -> None:
    def title(sheet: Any) -> None:
        sheet.insert_rows(1, 2)
        sheet["A1"] = "Roster of the year 2026"
        sheet.merge_cells("A1:E1")
        sheet["A7"], sheet["B7"] = " ", "\u200b"

    reading = read(tmp_path, xlsx(ASHA, (), BABU, touch=title))

    assert [row["row"] for row in reading.rows] == [4, 6]


def test_hidden_sheets_are_not_read_and_the_first_sheet_with_headings_counts(tmp_path: Path) -> None:
    book = Workbook()
    hidden = book.worksheets[0]
    for row in (HEADINGS, BABU):
        hidden.append(list(row))
    hidden.sheet_state = "hidden"
    book.create_sheet("Notes").append(["Please fill in the next sheet"])
    roster = book.create_sheet("Final list")
    for row in (HEADINGS, ASHA):
        roster.append(list(row))

    reading = read(tmp_path, saved(book))

    assert reading.header["sheet"] == "Final list"
    assert [student["name"] for student in reading.students()] == ["Asha Rao"]


def test_the_wrong_sheet_fails_and_names_the_sheets_found_and_the_columns_expected(tmp_path: Path) -> None:
    book = Workbook()
    book.worksheets[0].title = "Fees"
    book.worksheets[0].append(["Month", "Amount"])
    book.create_sheet("Timetable").append(["Mon", "Tue"])

    with pytest.raises(RosterFailed) as failed:
        read(tmp_path, saved(book))

    assert failed.value.slug == "wrong-sheet"
    for word in ('"Fees"', '"Timetable"', "Roll Number", "Student Name", "Mobile Number"):
        assert word in failed.value.detail


def test_headings_without_students_fail(tmp_path: Path) -> None:
    with pytest.raises(RosterFailed, match="no students below"):
        read(tmp_path, xlsx())


def test_a_sheet_that_lies_about_its_size_is_read_whole(tmp_path: Path) -> None:
    content = repacked(xlsx(ASHA, BABU), {SHEET: lambda sheet: sheet.replace(b'ref="A1:E3"', b'ref="A1:B2"')})

    assert b'ref="A1:B2"' in sheet_of(content)
    assert len(read(tmp_path, content).rows) == 2


def test_a_student_in_the_last_row_of_a_sheet_is_found_with_that_number(tmp_path: Path) -> None:
    content = with_sheet(row_xml(*HEADINGS, number=1) + row_xml(*ASHA, number=1_048_576))

    assert [row["row"] for row in read(tmp_path, content).rows] == [1_048_576]


@pytest.mark.parametrize("number", [1_048_577, 999_999_999, 10**18, 1, 3])
def test_rows_beyond_the_sheet_or_out_of_order_are_never_dropped_in_silence(
    tmp_path: Path, number: int
) -> None:
    rows = row_xml(*HEADINGS, number=2) + row_xml(*BABU, number=3) + row_xml(*ASHA, number=number)

    with pytest.raises(RosterFailed) as failed:
        read(tmp_path, with_sheet(rows))

    assert failed.value.slug == "damaged-file"


def test_addresses_that_a_spreadsheet_has_made_into_links_are_no_links_to_other_files(
    tmp_path: Path,
) -> None:
    def linked(sheet: Any) -> None:
        sheet["E2"].hyperlink = "mailto:asha@example.com"

    assert read(tmp_path, xlsx(ASHA, touch=linked)).student()["email"] == "asha@example.com"


def test_rows_and_cells_without_addresses_are_read_in_their_order(tmp_path: Path) -> None:
    content = with_sheet(row_xml(*HEADINGS) + row_xml(*ASHA) + row_xml(*BABU))

    assert [row["row"] for row in read(tmp_path, content).rows] == [2, 3]


def test_20_001_students_are_refused_with_the_remedy(tmp_path: Path) -> None:
    rows = "".join(row_xml("CSE", f"r{number}", "Asha", "") for number in range(20_001))

    with pytest.raises(RosterFailed) as failed:
        read(tmp_path, with_sheet(row_xml(*HEADINGS[:4]) + rows))

    assert failed.value.slug == "too-many-rows"
    assert failed.value.detail == (
        "The file has more than 20,000 rows. Split it into files of at most 20,000 rows."
    )


def test_a_sheet_of_a_million_columns_is_refused(tmp_path: Path) -> None:
    cells = "".join(f"<c><v>{number * 7919 % 1_000_003}</v></c>" for number in range(1_000_000))
    content = with_sheet(row_xml(*HEADINGS) + f"<row>{cells}</row>")

    with pytest.raises(RosterFailed) as failed:
        read(tmp_path, content)

    assert failed.value.slug == "too-many-columns"


@pytest.mark.parametrize("wide_row", [HEADINGS + ("",) * 45 + ("More",), (*ASHA, *("",) * 45, "more")])
def test_a_fifty_first_column_is_refused(tmp_path: Path, wide_row: tuple[str, ...]) -> None:
    first = wide_row if wide_row[0] == "Group" else HEADINGS
    second = ASHA if wide_row[0] == "Group" else wide_row

    with pytest.raises(RosterFailed, match="more than 50 columns"):
        read(tmp_path, xlsx(second, headings=first))


def test_escaped_characters_of_a_cell_are_read_and_broken_ones_refused(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        xlsx(
            ("CSE", "21CS001", "Asha_x000D_\nRao", None, None),
            ("CSE", "21CS002", "As_xD800_ha", None, None),
        ),
    )

    assert reading.student(0)["name"] == "Asha Rao"
    assert [column for column, _ in reading.errors(1)] == ["Student Name"]
    reading.rows[1]["values"]["name"].encode()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_date_that_cannot_be_is_an_error_of_its_cell(tmp_path: Path) -> None:
    def dated(sheet: Any) -> None:
        sheet["B2"].number_format = "yyyy-mm-dd"

    reading = read(tmp_path, xlsx(("CSE", 9876543210, "Asha Rao", None, None), touch=dated))

    assert reading.errors() == [("Roll Number", "The cell holds the spreadsheet error #VALUE!.")]


def test_a_workbook_with_a_timestamp_shows_it_as_iso(tmp_path: Path) -> None:
    moment = datetime(2021, 5, 3, 10, 30, tzinfo=UTC).replace(tzinfo=None)

    reading = read(tmp_path, xlsx(("CSE", "21CS001", moment, None, None)))

    assert reading.rows[0]["values"]["name"] == "2021-05-03 10:30:00"
    assert reading.errors() == [("Student Name", '"2021-05-03 10:30:00" holds no letter.')]


def test_shared_strings_with_formatting_and_reading_aids_are_plain_text(tmp_path: Path) -> None:
    texts = "".join(f"<si><t>{text}</t></si>" for text in (*HEADINGS, "CSE", "0071"))
    rich = "<si><r><rPr><b/></rPr><t>Asha </t></r><r><t>Rao</t></r><rPh sb='0' eb='1'><t>aid</t></rPh></si>"
    rows = "".join(f'<c t="s"><v>{index}</v></c>' for index in range(5))
    student = "".join(f'<c t="s"><v>{index}</v></c>' for index in (5, 6, 7))
    content = with_strings(with_sheet(f"<row>{rows}</row><row>{student}</row>"), texts + rich)

    student_read = read(tmp_path, content).student()

    assert (student_read["roll_number"], student_read["name"]) == ("0071", "Asha Rao")


def sheet_of(content: bytes) -> bytes:
    import io
    from zipfile import ZipFile

    with ZipFile(io.BytesIO(content)) as archive:
        return archive.read(SHEET)
