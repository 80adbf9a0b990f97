"""Headings, single rows, and rows that cannot all go in."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from services.imports.roster.lines import RosterFailed
from tests.services.imports.roster_files import ASHA, BABU, HEADINGS, Reading, read, text

BARE = ("Roll Number", "Student Name", "Mobile Number")


def csv(folder: Path, *rows: Sequence[str], headings: Sequence[str] = HEADINGS, **options: object) -> Reading:
    return read(folder, text(*rows, headings=headings).encode(), "roster.csv", **options)


# --- headings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headings",
    [
        ("Section", "Roll No.", "NAME", "Mobile", "E-mail ID"),
        ("BRANCH", "Reg. No", "Full  Name", "Phone", "Mail"),
        ("course", "Registration Number", "Name of the Student", "Contact No", "email_address"),
        ("Group Name", "USN", "Student's Name", "Mobile No. (10 digits)", "Email Id*"),
        ("Dept.", "Hall Ticket", "student_name", "PHONE NUMBER", "Mail-ID"),
        ("Ｇｒｏｕｐ", "Hall-Ticket No", "Candidate Name", "Contact Number", "EMAIL"),  # noqa: RUF001
    ],
)
def test_headings_are_known_by_many_names(tmp_path: Path, headings: tuple[str, ...]) -> None:
    reading = csv(tmp_path, ASHA, headings=headings)

    assert reading.header["columns"] == HEADINGS
    assert reading.student()["email"] == "asha@example.com"


def test_columns_may_stand_in_any_order_between_others(tmp_path: Path) -> None:
    headings = ("S.No", "Mobile", "Email", "Father's Name", "Name", "Roll No", "Group")
    row = ("1", "9876543210", "asha@example.com", "Mr Rao", "Asha Rao", "21CS001", "cse")

    reading = csv(tmp_path, row, headings=headings)

    assert reading.header["columns"] == (
        "Mobile Number",
        "Email",
        "Student Name",
        "Roll Number",
        "Group",
    )
    assert reading.header["ignored"] == ("S.No", "Father's Name")
    assert reading.student()["course_ids"] == ("course-cse",)


def test_a_row_in_which_only_foreign_columns_are_filled_is_blank(tmp_path: Path) -> None:
    reading = csv(tmp_path, ("1", *ASHA), ("2", "", "", "", "", ""), headings=("S.No", *HEADINGS))

    assert len(reading.rows) == 1


def test_two_columns_of_one_meaning_fail_and_are_named(tmp_path: Path) -> None:
    with pytest.raises(RosterFailed) as failed:
        csv(tmp_path, (*ASHA, "1"), headings=(*HEADINGS, "Phone No"))

    assert failed.value.slug == "duplicate-columns"
    assert '"Mobile Number", "Phone No"' in failed.value.detail


@pytest.mark.parametrize("missing", BARE)
def test_a_missing_column_fails_and_is_named(tmp_path: Path, missing: str) -> None:
    headings = tuple(heading for heading in HEADINGS if heading != missing)

    with pytest.raises(RosterFailed) as failed:
        csv(tmp_path, ("x",) * 4, headings=headings)

    assert failed.value.slug == "missing-columns"
    assert failed.value.detail.startswith(f'The file has no column "{missing}".')


# --- one row ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mobile",
    [
        "9876543210",
        "+91 98765 43210",
        "0091-98765-43210",
        "098765 43210",
        "(+91) 98765.43210",
        "919876543210",
        "9876543210".translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"}),
        "९८७६५४३२१०",
        "\u202a+91 98765 43210\u202c",
        "'+919876543210",
    ],
)
def test_a_mobile_number_is_understood_however_it_is_written(tmp_path: Path, mobile: str) -> None:
    assert csv(tmp_path, ("CSE", "1", "Asha", mobile, "")).student()["mobile_number"] == "+919876543210"


def test_every_wrong_cell_of_a_row_is_told_at_once_and_good_rows_go_on(tmp_path: Path) -> None:
    reading = csv(tmp_path, ("MECH", "21 CS", "12345", "040-23456789", "nobody"), ASHA)

    assert reading.errors(0) == [
        ("Group", 'Group "MECH" is not a course of this batch; it has: CSE, Electronics, ECE.'),
        (
            "Roll Number",
            '"21 CS" cannot be used: write 1 to 64 of the letters A to Z, the digits 0 to 9 and . _ / -, '
            "without spaces.",
        ),
        ("Student Name", '"12345" holds no letter.'),
        ("Mobile Number", '"040-23456789" is not a mobile number such as 98765 43210 or +91 98765 43210.'),
        ("Email", '"nobody" is not an email address such as name@example.com.'),
    ]
    assert reading.student(0) is None
    assert reading.errors(1) == []


def test_roll_number_and_name_must_be_there_mobile_and_email_need_not(tmp_path: Path) -> None:
    reading = csv(tmp_path, ("CSE", "", "", "", "x@example.com"), ("CSE", "1", "Asha", "", ""))

    assert reading.errors(0) == [
        ("Roll Number", "The roll number is missing."),
        ("Student Name", "The student name is missing."),
    ]
    assert reading.student(1)["mobile_number"] is None


def test_a_name_is_never_cut(tmp_path: Path) -> None:
    longest = "अ" * 200
    reading = csv(tmp_path, ("CSE", "1", longest, "", ""), ("CSE", "2", longest + "अ", "", ""))

    assert reading.student(0)["name"] == longest
    assert reading.errors(1) == [("Student Name", "It is longer than 200 characters.")]
    assert reading.rows[1]["values"]["name"] == longest + "अ"


def test_a_cell_beyond_all_reason_is_an_error_and_its_echo_is_bounded(tmp_path: Path) -> None:
    reading = csv(tmp_path, ("CSE", "1", "a" * 50_000, "", ""))

    assert reading.errors() == [("Student Name", "The cell is longer than 1000 characters.")]
    assert len(reading.rows[0]["values"]["name"]) == 1001


def test_a_group_may_be_a_name_or_a_code_in_any_case_and_width(tmp_path: Path) -> None:
    rows = [
        (group, str(index), "Asha", "", "") for index, group in enumerate(("cse", " ECE ", "ELECTRONICS"))
    ]

    reading = csv(tmp_path, *rows)

    assert [student["course_ids"] for student in reading.students()] == [
        ("course-cse",),
        ("course-ece",),
        ("course-ece",),
    ]


def test_a_group_that_stands_for_two_courses_is_an_error(tmp_path: Path) -> None:
    reading = csv(tmp_path, ASHA, groups={"CSE": "c1", "cse": "c2"})

    assert reading.errors() == [("Group", 'Group "CSE" stands for more than one course of this batch.')]


def test_a_blank_group_takes_the_chosen_courses_and_is_an_error_without_any(tmp_path: Path) -> None:
    blank = ("", "1", "Asha", "", "")

    assert csv(tmp_path, blank, course_ids=["c9"]).student()["course_ids"] == ("c9",)
    assert csv(tmp_path, blank).errors() == [
        ("Group", "The group is missing; the batch has: CSE, Electronics, ECE.")
    ]


def test_a_file_without_groups_needs_courses(tmp_path: Path) -> None:
    with pytest.raises(RosterFailed) as failed:
        csv(tmp_path, ("1", "Asha", ""), headings=BARE)

    assert failed.value.slug == "no-course"
    assert csv(tmp_path, ("1", "Asha", ""), headings=BARE, course_ids=["c9"]).student()["course_ids"] == (
        "c9",
    )


def test_a_long_list_of_groups_is_not_told_whole(tmp_path: Path) -> None:
    groups = {f"G{number}": f"c{number}" for number in range(30)}

    detail = csv(tmp_path, ASHA, groups=groups).errors()[0][1]

    assert detail.endswith("G19 and 10 more.")


# --- rows against each other ------------------------------------------------------------------------------


def test_two_students_with_one_roll_number_are_both_errors_that_name_each_other(tmp_path: Path) -> None:
    reading = csv(tmp_path, ASHA, BABU, ("CSE", "21cs001", "Somebody Else", "", ""))

    assert reading.errors(0) == [
        ("Roll Number", "The roll number is also in row 4, with other details; keep the right one.")
    ]
    assert reading.errors(2) == [
        ("Roll Number", "The roll number is also in row 2, with other details; keep the right one.")
    ]
    assert reading.student(1)["username"] == "21ec002"


def test_a_row_that_repeats_another_is_an_error_and_the_first_goes_in(tmp_path: Path) -> None:
    spelled_otherwise = ("cse", "21cs001 ", "Asha  Rao", "+91 98765 43210", "ASHA@example.com")
    rows = (ASHA, ("CSE", "21CS001", "Asha Rao", "+91 98765 43210", "ASHA@example.com"), ASHA)

    reading = csv(tmp_path, *rows)

    assert reading.student(0)["name"] == "Asha Rao"
    assert reading.errors(1) == reading.errors(2) == [("Roll Number", "It repeats row 2.")]
    assert csv(tmp_path, ASHA, spelled_otherwise).student(1) is None


def test_of_one_mobile_number_only_the_first_goes_in(tmp_path: Path) -> None:
    sister = ("CSE", "21CS009", "Usha Rao", "098765-43210", "asha@example.com")

    reading = csv(tmp_path, ASHA, BABU, sister, (*sister[:1], "21CS010", *sister[2:]))

    assert reading.student(0)["mobile_number"] == "+919876543210"
    assert reading.errors(2) == reading.errors(3)
    assert reading.errors(2) == [("Mobile Number", "The mobile number is also in row 2.")]


def test_a_mobile_number_that_is_another_ones_roll_number_is_an_error(tmp_path: Path) -> None:
    by_number = ("CSE", "9876543210", "Asha Rao", "9876543210", "")
    thief = ("CSE", "21CS002", "Babu", "", "")

    own = csv(tmp_path, by_number)
    others = csv(tmp_path, (*by_number[:3], "", ""), (*thief[:3], "+919876543210", ""))

    assert own.errors() == []
    assert others.errors(1) == [("Mobile Number", "The mobile number is the roll number of row 2.")]


def test_siblings_may_share_an_email_address(tmp_path: Path) -> None:
    sister = ("CSE", "21CS009", "Usha Rao", "", "asha@example.com")

    assert csv(tmp_path, ASHA, sister).student(1)["email"] == "asha@example.com"


def test_20_000_rows_of_one_roll_number_take_no_square_of_time(tmp_path: Path) -> None:
    rows = [("CSE", "1", f"Asha {random.Random(number).choice('abc')}", "", "") for number in range(20_000)]

    reading = csv(tmp_path, *rows)

    assert reading.errors(0)[0][1].startswith(
        "The roll number is also in rows 3, 4, 5, 6, 7 and 19994 more, with"
    )
