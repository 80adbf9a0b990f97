"""Text files of people: whatever program, country or habit saved them."""

import codecs
from pathlib import Path

import pytest

from services.imports.roster.lines import RosterFailed
from tests.services.imports.roster_files import ASHA, BABU, HEADINGS, read, text

AGNES = ("CSE", "007", "Agnès Müller-Zoë", "9876543210", "agnes@example.com")
RAMESH = ("CSE", "008", "रमेश कुमार", "9876543211", "")


def slug_of(folder: Path, content: bytes) -> str:
    with pytest.raises(RosterFailed) as failed:
        read(folder, content, "roster.csv")
    assert failed.value.detail.endswith(".")
    return failed.value.slug


@pytest.mark.parametrize(
    ("encoding", "bom", "told"),
    [
        ("utf-8", b"", "UTF-8"),
        ("utf-8", codecs.BOM_UTF8, "UTF-8"),
        ("utf-16-le", codecs.BOM_UTF16_LE, "UTF-16"),
        ("utf-16-be", codecs.BOM_UTF16_BE, "UTF-16"),
        ("utf-16-le", b"", "UTF-16"),
        ("utf-16-be", b"", "UTF-16"),
    ],
)
def test_names_in_any_script_survive_every_unicode_encoding(
    tmp_path: Path, encoding: str, bom: bytes, told: str
) -> None:
    reading = read(tmp_path, bom + text(AGNES, RAMESH).encode(encoding), "roster.csv")

    assert [student["name"] for student in reading.students()] == ["Agnès Müller-Zoë", "रमेश कुमार"]
    assert (reading.header["encoding"], reading.header["sheet"]) == (told, None)
    assert reading.header["columns"] == HEADINGS


def test_a_file_of_windows_1252_keeps_its_accents(tmp_path: Path) -> None:
    typographic = ("ECE", "009", "Renée O\N{RIGHT SINGLE QUOTATION MARK}Brien", "", "")

    reading = read(tmp_path, text(AGNES, typographic).encode("cp1252"), "roster.csv")

    assert [student["name"] for student in reading.students()] == [
        "Agnès Müller-Zoë",
        "Renée O\N{RIGHT SINGLE QUOTATION MARK}Brien",
    ]
    assert reading.header["encoding"] == "Windows-1252"


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("محمد خان", "cp1256"), ("Иван Петров", "cp1251"), ("Łukasz Wiśniewski", "cp1250"), ("李明华", "gbk")],
)
def test_letters_that_cannot_be_told_for_certain_are_refused_and_never_guessed(
    tmp_path: Path, name: str, encoding: str
) -> None:
    content = text(("CSE", "1", name, "", "")).encode(encoding)

    assert slug_of(tmp_path, content) == "unknown-encoding"


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_comma_semicolon_tab_and_bar_are_told_apart_by_the_headings(tmp_path: Path, mark: str) -> None:
    reading = read(tmp_path, text(ASHA, BABU, mark=mark).encode(), "roster.csv")

    assert [student["username"] for student in reading.students()] == ["21cs001", "21ec002"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read(tmp_path: Path, line_end: str) -> None:
    content = text(ASHA, BABU).replace("\r\n", line_end).encode()

    assert len(read(tmp_path, content, "roster.csv").rows) == 2


def test_spaces_around_values_and_blank_lines_do_not_count_but_keep_the_row_numbers(tmp_path: Path) -> None:
    asha = " CSE , 21CS001\u00a0, Asha  Rao , 98765 43210 ,"
    content = f" {', '.join(HEADINGS)} \n\n{asha}\n,,,,\n \n{','.join(BABU)}\n"

    reading = read(tmp_path, content.encode(), "roster.csv")

    assert [row["row"] for row in reading.rows] == [3, 6]
    assert reading.student()["name"] == "Asha Rao"
    assert reading.student()["username"] == "21cs001"
    assert "email" not in reading.rows[0]["values"]


def test_quoted_values_may_hold_the_delimiter_and_quotation_marks(tmp_path: Path) -> None:
    content = text(("CSE", "1", '"Rao, Asha ""Ashu"""', "", "")).encode()

    assert read(tmp_path, content, "roster.csv").student()["name"] == 'Rao, Asha "Ashu"'


def test_leading_zeros_survive_and_so_do_the_tricks_that_people_use_for_them(tmp_path: Path) -> None:
    rows = [("CSE", roll, "Asha", "", "") for roll in ("0007", '="0008"', '"=""0009"""', "'0010")]

    reading = read(tmp_path, text(*rows).encode(), "roster.csv")

    assert [student["roll_number"] for student in reading.students()] == ["0007", "0008", "0009", "0010"]


def test_a_mobile_number_that_was_shortened_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    content = text(("CSE", "1", "Asha", "9.19876E+11", "")).encode()

    assert read(tmp_path, content, "roster.csv").errors() == [
        (
            "Mobile Number",
            "The cell was shortened by a spreadsheet; format the column as text and type the number again.",
        )
    ]


def test_a_value_with_a_comma_that_was_not_quoted_is_an_error_of_that_row_only(tmp_path: Path) -> None:
    content = text(("CSE", "1", "Rao, Asha", "", "asha@example.com"), BABU).encode()

    reading = read(tmp_path, content, "roster.csv")

    assert "more cells than headings" in reading.errors()[0][1]
    assert reading.student(1)["username"] == "21ec002"


@pytest.mark.parametrize("column", range(5))
def test_a_missing_quotation_mark_never_loses_rows_in_silence(tmp_path: Path, column: int) -> None:
    open_ended = tuple(f'"{cell}' if index == column else cell for index, cell in enumerate(ASHA))
    content = text(open_ended, BABU, ("CSE", "3", '"Third"', "", "")).encode()

    reading = read(tmp_path, content, "roster.csv")

    assert any("swallows rows below it" in detail for _, detail in reading.errors())
    assert reading.student() is None


def test_a_missing_quotation_mark_in_a_column_that_nobody_reads_is_told_too(tmp_path: Path) -> None:
    headings = (*HEADINGS, "Address")
    content = text((*ASHA, '"12, Main Road'), (*BABU, "x"), headings=headings).encode()

    assert "swallows rows below it" in read(tmp_path, content, "roster.csv").errors()[0][1]


def test_an_address_of_several_lines_is_no_missing_quotation_mark(tmp_path: Path) -> None:
    headings = (*HEADINGS, "Address")
    content = text((*ASHA, '"12, Main Road\nHyderabad, 500001"'), (*BABU, "x"), headings=headings).encode()

    assert [student["username"] for student in read(tmp_path, content, "roster.csv").students()] == [
        "21cs001",
        "21ec002",
    ]


def test_a_value_that_never_ends_fails_the_file(tmp_path: Path) -> None:
    content = text(("CSE", "1", '"Asha', "", ""), *[BABU] * 3000).encode()

    assert slug_of(tmp_path, content) == "broken-quotes"


@pytest.mark.parametrize(
    ("content", "slug"),
    [
        (text(("CSE", "1", "As\0ha", "", "")).encode(), "not-text"),
        (bytes(range(256)) * 4, "not-text"),
        (b"\xff\xfe\x00\x00" + text(ASHA).encode("utf-32-le"), "not-text"),
        (codecs.BOM_UTF16_LE + b"odd", "unknown-encoding"),
        (b"<html><table><tr><td>Roll Number</td></tr></table></html>", "not-a-roster"),
        (b"Month;Amount\n1;2\n", "no-header"),
        (b"\n\n\n", "no-header"),
        (codecs.BOM_UTF8, "no-header"),
        (text().encode(), "no-rows"),
        (text(ASHA, headings=(*HEADINGS, *["x"] * 46)).encode(), "too-many-columns"),
    ],
)
def test_what_is_no_roster_fails_with_its_own_reason(tmp_path: Path, content: bytes, slug: str) -> None:
    assert slug_of(tmp_path, content) == slug


def test_20_001_lines_are_refused_and_20_000_are_not(tmp_path: Path) -> None:
    rows = [("CSE", f"r{number}", "Asha", "", "") for number in range(20_001)]

    with pytest.raises(RosterFailed) as failed:
        read(tmp_path, text(*rows).encode(), "roster.csv")

    assert failed.value.slug == "too-many-rows"
    assert len(read(tmp_path, text(*rows[:-1]).encode(), "roster.csv").rows) == 20_000
