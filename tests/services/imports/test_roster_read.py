"""The whole way: a file, a child with limits, typed lines; and the limits when the file fights back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.imports.roster.lines import (
    CellError,
    RosterEnd,
    RosterFailed,
    RosterHeader,
    RosterLine,
    RosterRow,
    RosterStudent,
)
from services.imports.roster.read import RosterRequest, read_roster
from tests.services.imports.roster_files import (
    ASHA,
    BABU,
    GROUPS,
    HEADINGS,
    row_xml,
    text,
    with_sheet,
    xlsx,
)
from utils.limited_process import Limits


def lines_of(
    folder: Path, content: bytes, filename: str, limits: Limits | None = None, **options: Any
) -> Iterator[RosterLine]:
    path = folder / "upload"
    path.write_bytes(content)
    wanted: dict[str, Any] = {"course_ids": (), "max_rows": 20_000, "max_columns": 50, **options}
    request = RosterRequest(path, filename, "IN", GROUPS, **wanted)
    return read_roster(request, limits or Limits())


@pytest.mark.parametrize("filename", ["roster.xlsx", "ROSTER.CSV"])
def test_a_roster_arrives_as_header_rows_and_end(tmp_path: Path, filename: str) -> None:
    bad = ("CSE", "21CS003", "=1+1", "", "")
    rows = (ASHA, BABU, bad)
    content = xlsx(*rows) if filename.endswith("xlsx") else text(*rows).encode()

    header, asha, _babu, refused, end = lines_of(tmp_path, content, filename)

    workbook = filename.endswith("xlsx")
    assert header == RosterHeader(
        HEADINGS, (), None if workbook else "UTF-8", "Students" if workbook else None
    )
    assert asha == RosterRow(
        2,
        dict(zip(("group", "roll_number", "name", "mobile_number", "email"), ASHA, strict=True)),
        RosterStudent("21cs001", "21CS001", "Asha Rao", "+919876543210", "asha@example.com", ("course-cse",)),
        (),
    )
    assert refused == RosterRow(
        4,
        {"group": "CSE", "roll_number": "21CS003", "name": "=1+1"},
        None,
        (CellError("Student Name", "The cell holds a formula; copy the column and paste it as values."),),
    )
    assert end == RosterEnd(3)


def test_a_file_that_cannot_be_used_says_so_before_any_row(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, text(ASHA, BABU).encode(), "roster.csv", max_rows=1)

    with pytest.raises(RosterFailed) as failed:
        next(lines)

    assert (failed.value.slug, failed.value.detail) == (
        "too-many-rows",
        "The file has more than 1 rows. Split it into files of at most 1 rows.",
    )


def test_a_file_that_needs_too_much_memory_is_a_failure_with_a_remedy(tmp_path: Path) -> None:
    ten_megabytes = text(*[BABU] * 200_000).encode()

    with pytest.raises(RosterFailed, match="Copy only the list of students") as failed:
        list(lines_of(tmp_path, ten_megabytes, "roster.csv", Limits(memory_mb=56)))

    assert failed.value.slug == "too-large"


def test_a_file_that_takes_too_long_is_a_failure_with_a_remedy(tmp_path: Path) -> None:
    many = "".join(row_xml("CSE", str(number), "Asha", "") for number in range(60_000))

    with pytest.raises(RosterFailed, match="Copy only the list of students") as failed:
        list(
            lines_of(
                tmp_path,
                with_sheet(row_xml(*HEADINGS[:4]) + many),
                "roster.xlsx",
                Limits(cpu_seconds=1),
                max_rows=1_000_000,
            )
        )

    assert failed.value.slug == "too-slow"


def test_a_file_that_is_gone_is_unreadable(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, text(ASHA).encode(), "roster.csv")
    (tmp_path / "upload").unlink()

    with pytest.raises(RosterFailed) as failed:
        list(lines)

    assert failed.value.slug == "unreadable"
