"""The row of headings: which column is which, in any order and under the names that people use."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.imports.roster.lines import Cell, Column, RosterFailed

REQUIRED: Final = (Column.ROLL_NUMBER, Column.NAME, Column.MOBILE)
SEARCHED_ROWS: Final = 10
FEWEST_RECOGNISED: Final = 2
MOST_NAMED: Final = 10
HINT: Final = re.compile(r"\([^)]*\)|\[[^\]]*\]")

SYNONYMS: Final[Mapping[Column, str]] = {
    Column.GROUP: (
        "group groupname groupcode section branch branchname branchcode course coursename coursecode class "
        "department dept stream programme program"
    ),
    Column.ROLL_NUMBER: (
        "rollnumber rollno roll rollnum rno studentrollnumber studentrollno universityrollnumber "
        "universityrollno regnumber regno regdno registrationnumber registrationno registernumber registerno "
        "usn universityseatnumber hallticket hallticketnumber hallticketno htno admissionnumber admissionno "
        "enrolmentnumber enrolmentno enrollmentnumber enrollmentno studentid studentidnumber prn prnno "
        "pinno pinnumber username"
    ),
    Column.NAME: (
        "studentname name fullname studentfullname nameofstudent nameofthestudent studentsname candidatename "
        "nameofthecandidate learnername"
    ),
    Column.MOBILE: (
        "mobilenumber mobile mobileno mob mobno phone phonenumber phoneno contact contactnumber contactno "
        "cell cellnumber cellno telephone studentmobile studentmobilenumber studentmobileno studentphone "
        "studentphonenumber studentcontactnumber"
    ),
    Column.EMAIL: (
        "email emailid emailaddress mail mailid mailaddress studentemail studentemailid studentemailaddress"
    ),
}
RECOGNISED: Final = {word: column for column, words in SYNONYMS.items() for word in words.split()}
OURS_TO_IGNORE: Final = frozenset({"reason", "reasons", "error", "errors"})  # our own file of bad rows
EXPECTED: Final = (
    "Roll Number, Student Name and Mobile Number, and as you like Group and Email. "
    "The template has them in the right order."
)


@dataclass(frozen=True, slots=True)
class Header:
    """One row read as headings. ``places`` says at which index each column stands."""

    row: int
    places: Mapping[Column, int]
    ignored: tuple[str, ...]
    width: int
    repeated: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the labels of required columns that are not there."""
        return tuple(column.label for column in REQUIRED if column not in self.places)

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the labels of the recognised columns, in the file's order."""
        return tuple(column.label for column in sorted(self.places, key=lambda column: self.places[column]))

    def checked(self) -> "Header":
        """Return this header; raise RosterFailed when a column is there twice or not at all."""
        if self.repeated:
            raise RosterFailed(
                "duplicate-columns",
                f"These columns mean the same: {_quoted(self.repeated)}. Keep one of them.",
            )
        if self.missing:
            raise RosterFailed(
                "missing-columns",
                f"The file has no column {_quoted(self.missing)}. It has {_quoted(self.columns)}. "
                f"Expected are {EXPECTED}",
            )
        return self


def best_header(rows: Iterable[tuple[int, Sequence[Cell]]]) -> Header | None:
    """Return the first complete row of headings, else the one that is closest; None when none is like one."""
    headers = [header for number, cells in rows if (header := read_header(number, cells))]
    complete = (header for header in headers if not header.missing)
    return next(complete, max(headers, key=lambda header: len(header.places), default=None))


def read_header(number: int, cells: Sequence[Cell]) -> Header | None:
    """Return a row read as headings; None when fewer than two are recognised."""
    places: dict[Column, int] = {}
    ignored: list[str] = []
    repeated: list[str] = []
    texts = [cell if isinstance(cell, str) else "" for cell in cells]
    for index, text in enumerate(texts):
        column = RECOGNISED.get(_key(text))
        if column is None:
            ignored += [text] if text and _key(text) not in OURS_TO_IGNORE else []
        elif column in places:
            repeated += [texts[places[column]], text]
        else:
            places[column] = index
    if len(places) < FEWEST_RECOGNISED:
        return None
    width = max((index + 1 for index, text in enumerate(texts) if text), default=0)
    return Header(number, places, tuple(ignored), width, tuple(dict.fromkeys(repeated)))


def _key(text: str) -> str:
    folded = HINT.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return "".join(char for char in folded if char.isalnum())


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name[:60]}"' for name in names[:MOST_NAMED])
