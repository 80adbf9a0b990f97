"""Five hundred students at once: as few questions as for one."""

from typing import Any

import pytest

from main import Runtime
from services.campuses.lookup import PlaceLookup
from services.campuses.problems import BatchNotFound
from services.campuses.repository import Places
from services.students.bulk import NewStudent, StudentBulk, StudentChange
from services.students.repository import StudentRepository
from tests.cast import Campus, Cast
from utils.clock import SystemClock
from utils.documents import new_id
from utils.problems import Stale
from utils.scope import Scope

MOST_COMMANDS = 11
WRITTEN = (  # and the audit log, once; there its own loop writes too
    "batch_course_instances",
    "batches",
    "login_identifiers",
    "students",
    "users",
)


@pytest.fixture
def roll(runtime: Runtime) -> StudentRepository:
    return StudentRepository(runtime.store)


@pytest.fixture
def bulk(runtime: Runtime, roll: StudentRepository) -> StudentBulk:
    places, services = PlaceLookup(Places.over(runtime.store, runtime.fresh.cache)), runtime.services
    return StudentBulk(roll, services.accounts, places, services.audit, SystemClock())


def new(campus: Campus, number: int) -> NewStudent:
    return NewStudent(
        id=new_id(),
        campus_id=campus.id,
        batch_id=campus.batch_id,
        course_ids=campus.course_ids,
        roll_number=f"21CS{number:04d}",
        username=f"21cs{number:04d}",
        name=f"Student {number}",
        email=f"s{number}@example.com",
        mobile_number=f"+9198765{number:05d}",
        import_id="an import",
    )


def commands(db: Any, scope: Scope) -> int:
    """How many commands the profiler saw of this scope, or without one of a tenant; not those of loops."""
    written = {f"{db.name}.{name}" for name in WRITTEN}
    seen = db["system.profile"].find({"ns": {"$in": sorted(written)}})
    return sum(row["command"].get("comment", "") in ("", scope.label, "platform") for row in seen)


def test_five_hundred_are_written_with_a_handful_of_commands(
    cast: Cast, runtime: Runtime, bulk: StudentBulk, db: Any
) -> None:
    north, scope = cast.north, Scope.campus(cast.north.id)
    wanted = [new(north, number) for number in range(500)]

    db.command("profile", 0)
    db["system.profile"].drop()
    db.command("profile", 2)
    made = runtime.store.atomically(lambda: bulk.create_many(scope, wanted, "an admin"))
    db.command("profile", 0)

    assert commands(db, scope) <= MOST_COMMANDS
    instances = {
        row["course_id"]: row["_id"] for row in db.batch_course_instances.find({"batch_id": north.batch_id})
    }
    assert {student.instance_ids for student in made} == {tuple(instances[c] for c in north.course_ids)}
    assert db.users.count_documents({"campus_id": north.id, "role": "student"}) == 500
    assert (
        db.login_identifiers.count_documents({"user_id": {"$in": [student.id for student in made]}}) == 1000
    )
    assert db.batches.find_one({"_id": north.batch_id})["holds"] == 1
    [row] = db.audit.find({"action": "student.created", "campus_id": north.id})
    assert row["detail"] == {"students": 500, "import_id": "an import"}


def test_students_of_a_batch_that_is_gone_are_not_written(
    cast: Cast, runtime: Runtime, bulk: StudentBulk, db: Any
) -> None:
    north = cast.north
    wanted = new(north, 1)
    north.admin.delete(f"/batch_management/batches/{north.batch_id}")

    with pytest.raises(BatchNotFound):
        runtime.store.atomically(lambda: bulk.create_many(Scope.campus(north.id), [wanted], "an admin"))

    assert db.students.count_documents({"username": wanted.username}) == 0
    assert db.users.count_documents({"username": wanted.username}) == 0


def test_a_change_of_courses_moves_the_instances_and_keeps_the_batch(
    cast: Cast, runtime: Runtime, bulk: StudentBulk, db: Any
) -> None:
    north, scope = cast.north, Scope.campus(cast.north.id)
    wanted = [new(north, 1)]
    [student] = runtime.store.atomically(lambda: bulk.create_many(scope, wanted, "an admin"))
    change = StudentChange(student, {"course_ids": [north.course_ids[1]], "name": "Bala Iyer"})

    runtime.store.atomically(lambda: bulk.change_many(scope, [change], "an admin"))

    stored = db.students.find_one({"_id": student.id})
    assert stored["instance_ids"] == [student.instance_ids[1]]
    assert (stored["name_key"], stored["revision"]) == ("bala iyer", 2)
    assert "bala" in stored["terms"]
    user = db.users.find_one({"_id": student.id})
    assert (user["name"], list(user["course_ids"])) == ("Bala Iyer", [north.course_ids[1]])
    assert db.batches.find_one({"_id": north.batch_id})["holds"] == 2


def test_a_student_who_was_changed_meanwhile_is_left_alone(
    cast: Cast, runtime: Runtime, bulk: StudentBulk, db: Any
) -> None:
    north, scope = cast.north, Scope.campus(cast.north.id)
    wanted = [new(north, number) for number in range(2)]
    made = runtime.store.atomically(lambda: bulk.create_many(scope, wanted, "an admin"))
    north.admin.patch(f"/student_management/students/{made[1].id}", {"name": "Somebody Else"})
    changes = [StudentChange(student, {"name": "Bala Iyer"}) for student in made]

    with pytest.raises(Stale):
        runtime.store.atomically(lambda: bulk.change_many(scope, changes, "an admin"))

    assert {row["name"] for row in db.students.find({"campus_id": north.id})} == {
        "Student 0",
        "Somebody Else",
    }
