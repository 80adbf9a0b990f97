"""Many students at once, and what MongoDB did to list them."""

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.errors import CollectionInvalid, OperationFailure

from services.students.documents import STUDENTS, Student, StudentStatus
from services.students.search import terms_of
from tests.cast import Campus, Cast, Person
from tests.waiting import until
from utils.batch_processor import chunked
from utils.documents import new_id
from utils.text import key_of

FIRST = [
    "Aarav",
    "Asha",
    "Priya",
    "Ramesh",
    "Suresh",
    "Kiran",
    "Anil",
    "Fatima",
    "Mary",
    "Venkatasubramanian",
]
LAST = ["Kumar", "Sharma", "Reddy", "Rao", "Nair", "Iyer", "Patel", "Shah", "Singh", "Khan", "Das", "Joshi"]
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def wish(campus: Campus, roll_number: str = "21CS001", **more: Any) -> dict[str, Any]:
    """A new student of the first course."""
    plain = {"name": "Asha Rao", "roll_number": roll_number, "batch_id": campus.batch_id}
    return plain | {"course_ids": [campus.course_ids[0]]} | more


def course_admin(cast: Cast, campus: Campus, *numbers: int) -> Person:
    """An admin of some of a campus's courses."""
    courses = [campus.course_ids[number] for number in numbers]
    return cast.admin(
        f"course.{len(numbers)}.{campus.name.split()[0].lower()}",
        "course_admin",
        campus.id,
        course_ids=courses,
    )


def students(campus: Campus, code: str, count: int) -> Iterator[Student]:
    """Students of a campus: every third takes both courses, every tenth is deactivated; names repeat."""
    chance = random.Random(code)
    for number in range(count):
        name = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
        roll_number = f"2026{code}{number:05d}"
        mobile = f"+9198{chance.randrange(10**8):08d}"
        courses = campus.course_ids if number % 3 == 0 else (campus.course_ids[number % 2],)
        at = BEGIN + timedelta(seconds=number // 50)
        yield Student(
            id=new_id(),
            campus_id=campus.id,
            batch_id=campus.batch_id,
            course_ids=courses,
            instance_ids=(),
            roll_number=roll_number,
            username=roll_number.lower(),
            name=name,
            name_key=key_of(name),
            mobile_number=mobile,
            status=StudentStatus.DEACTIVATED if number % 10 == 7 else StudentStatus.ACTIVE,
            terms=terms_of(name, roll_number, mobile),
            created_at=at,
            updated_at=at,
        )


def enrol(db: Any, campus: Campus, code: str, count: int) -> list[Student]:
    """Store students without accounts."""
    made = list(students(campus, code, count))
    for some in chunked(made, 500):
        db[STUDENTS].insert_many([student.to_mongo() for student in some])
    return made


class Profile:
    """What the profiler saw of a collection's reads, from ``with`` on."""

    def __init__(self, db: Any, collection: str) -> None:
        self._db, self._wanted = db, {"ns": f"{db.name}.{collection}", "op": "query"}

    def __enter__(self) -> "Profile":
        self._db.command("profile", 0)
        until(self._cleared)  # a command that began before may still write its line
        self._db.command("profile", 2)
        return self

    def __exit__(self, *_: object) -> None:
        self._db.command("profile", 0)
        self._db["system.profile"].drop()

    def _cleared(self) -> bool:
        self._db["system.profile"].drop()
        with suppress(CollectionInvalid, OperationFailure):
            self._db.create_collection("system.profile", capped=True, size=64 * 1024 * 1024)
            return True
        return False

    def read(self) -> list[dict[str, Any]]:
        """Return every find that was done."""
        return list(self._db["system.profile"].find(self._wanted))
