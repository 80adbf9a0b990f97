"""Every list of students, for every role: the right ones in the right order, and never sorted in memory."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from services.students.documents import STUDENTS, Student
from services.students.listing import FEW
from tests.cast import Campus, Cast, Person
from tests.services.students.roll import Profile, enrol
from utils.identifiers import search_term

LIST = "/student_management/students"
PAGE = 7
SORTS: dict[str, Callable[[Student], Any]] = {
    "name": lambda student: (student.name_key, student.id),
    "roll_number": lambda student: (student.username, student.id),
    "created_at": lambda student: (student.created_at, student.id),
}


@dataclass(frozen=True)
class Everybody:
    """All students of both campuses."""

    north: Campus
    south: Campus
    students: list[Student]


@pytest.fixture
def everybody(cast: Cast, db: Any) -> Everybody:
    north, south = cast.north, cast.south
    students = enrol(db, north, "n", FEW + 100) + enrol(db, south, "s", 150)
    return Everybody(north, south, students)


def readers(cast: Cast, north: Campus) -> dict[str, Person]:
    """One person of each role that may list students."""
    admin = {"campus_id": north.id}
    return {
        "superadmin": cast.superadmin,
        "campus admin": north.admin,
        "admin of one course": cast.admin("one", "course_admin", course_ids=[north.course_ids[1]], **admin),
        "admin of both courses": cast.admin("both", "course_admin", course_ids=[*north.course_ids], **admin),
    }


def sees(reader: str, north: Campus, student: Student) -> bool:
    match reader:
        case "superadmin":
            return True
        case "admin of one course":
            return student.campus_id == north.id and north.course_ids[1] in student.course_ids
    return student.campus_id == north.id


def fits(wanted: dict[str, str], student: Student) -> bool:
    words = search_term(" ".join((student.name, student.username, (student.mobile_number or "")[3:])))
    searched = wanted.get("search", "").lower().split()
    return (
        wanted.get("campus_id") in (None, student.campus_id)
        and wanted.get("batch_id") in (None, student.batch_id)
        and wanted.get("status") in (None, student.status)
        and (wanted.get("course_id") is None or wanted["course_id"] in student.course_ids)
        and all(any(word.startswith(begin[:10]) for word in words) for begin in searched)
    )


def wishes(north: Campus, first: Student) -> list[dict[str, str]]:
    """Every combination of filters; ``2026`` finds everybody, a roll number one, ``Ra ku`` some."""
    choices = {
        "search": (None, "2026", "Ra ku", first.roll_number),
        "batch_id": (None, north.batch_id),
        "course_id": (None, north.course_ids[1]),
        "status": (None, "active", "deactivated"),
    }
    return [
        {name: value for name, value in zip(choices, values, strict=True) if value is not None}
        for values in itertools.product(*choices.values())
    ]


@pytest.mark.parametrize(
    "reader", ["superadmin", "campus admin", "admin of one course", "admin of both courses"]
)
def test_every_list_is_right_and_walks_an_index_in_order(
    cast: Cast, everybody: Everybody, db: Any, reader: str
) -> None:
    north = everybody.north
    person = readers(cast, north)[reader]
    visible = [student for student in everybody.students if sees(reader, north, student)]

    with Profile(db, STUDENTS) as profile:
        for number, wanted in enumerate(wishes(north, everybody.students[0])):
            expected = [student for student in visible if fits(wanted, student)]
            for sort, key in list(SORTS.items())[number % 2 :: 2]:
                down = number % 4 > 1
                given = wanted | {"sort": f"-{sort}" if down else sort, "limit": str(PAGE)}
                ids = [student.id for student in sorted(expected, key=key, reverse=down)]
                page = person.get(LIST, query_string=given)
                assert [row["id"] for row in page["items"]] == ids[:PAGE], given
                assert (page["next_cursor"] is not None) == (len(ids) > PAGE)
                if len(ids) > PAGE and number % 3 == 0:
                    page = person.get(LIST, query_string=given | {"cursor": page["next_cursor"]})
                    assert [row["id"] for row in page["items"]] == ids[PAGE : 2 * PAGE], given
        seen = profile.read()

    assert len(seen) >= 48
    assert [read["command"] for read in seen if not read["planSummary"].startswith("IXSCAN")] == []
    assert [read["command"] for read in seen if read.get("hasSortStage")] == []
