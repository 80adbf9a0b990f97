from typing import Any

import pytest
from flask import Flask

from config.permissions import Role
from main import Runtime
from services.batch_jobs.documents import DeliveryState
from tests.cast import Campus, Cast, Person, roster
from tests.listener import CommandLog
from tests.people import grown, invited, place
from tests.waiting import until
from utils.scope import Scope

IMPORTS = "/student_management/imports"
STATES = {"invited": 0, "active": 0, "deactivated": 0}


def students(total: int, **states: int) -> dict[str, int]:
    return {"total": total, **STATES, "first_logins": 0, **states}


def enrol(campus: Campus, roll_number: str, *courses: int) -> None:
    wanted = {"name": "Asha Rao", "roll_number": roll_number, "batch_id": campus.batch_id}
    wanted["course_ids"] = [campus.course_ids[course] for course in courses]  # type: ignore[assignment]
    campus.admin.post("/student_management/students", wanted)


@pytest.fixture
def teacher(app: Flask, runtime: Runtime, cast: Cast) -> Person:
    """A course admin of North's first course."""
    north = cast.north
    grown(runtime, "teacher", Role.COURSE_ADMIN, campus_id=north.id, course_ids=north.course_ids[:1])
    return Person(app, "teacher")


@pytest.fixture
def filled(cast: Cast, teacher: Person, at_rest: Any) -> Cast:
    """North has three students, one of whom has logged in; South has one."""
    cast.student(cast.north, "N1")
    enrol(cast.north, "N2", 1)
    enrol(cast.north, "N3", 0, 1)
    enrol(cast.south, "S1", 0)
    form = {"batch_id": cast.north.batch_id, "file": roster("CSE,N9,New Student,,"), "channels": ""}
    cast.north.admin.post(IMPORTS, status=202, data=form)
    at_rest()
    return cast


def test_a_superadmin_sees_the_platform_and_each_campus(filled: Cast) -> None:
    shown = filled.superadmin.get("/superadmin/dashboard")

    assert (shown["campuses"], shown["courses"], shown["batches"]) == (2, 4, 2)
    assert shown["students"] == students(4, invited=3, active=1, first_logins=1)
    assert shown["admins"] == {
        "superadmin": 1, "sub_superadmin": 0, "campus_admin": 2, "course_admin": 1, "evaluator": 0,
    }  # fmt: skip
    assert [(one["name"], one["admins"], one["students"]["total"]) for one in shown["by_campus"]] == [
        ("North Campus", 2, 3),
        ("South Campus", 1, 1),
    ]
    lately = shown["lately"]
    assert (lately["jobs"]["completed"], sum(lately["jobs"].values())) == (3, 3)
    assert lately["deliveries"]["delivered"] == sum(lately["deliveries"].values()) == 3
    assert set(lately["deliveries"]) == set(DeliveryState)
    assert (lately["imports"]["previewed"], sum(lately["imports"].values())) == (1, 1)


def test_an_admin_sees_the_own_campus_or_the_own_courses(filled: Cast, teacher: Person) -> None:
    shown = filled.north.admin.get("/campus_admin/dashboard")
    other = filled.south.admin.get("/campus_admin/dashboard")

    assert (shown["campus_id"], shown["courses"], shown["batches"]) == (filled.north.id, 2, 1)
    assert shown["students"] == students(3, invited=2, active=1, first_logins=1)
    assert (shown["admins"]["campus_admin"], shown["admins"]["course_admin"]) == (1, 1)
    assert [(one["name"], one["batches"], one["students"]) for one in shown["by_course"]] == [
        ("North CSE", 1, 2),
        ("North ECE", 1, 2),
    ]
    assert shown["lately"]["imports"]["previewed"] == 1
    assert other["students"] == students(1, invited=1)
    assert sum(other["lately"]["imports"].values()) == 0

    shown = teacher.get("/course_admin/dashboard")
    assert (shown["courses"], shown["batches"]) == (1, 1)
    assert shown["students"] == students(2, invited=1, active=1, first_logins=1)
    assert [(one["name"], one["students"]) for one in shown["by_course"]] == [("North CSE", 2)]


def test_an_empty_platform_has_a_dashboard(cast: Cast) -> None:
    shown = cast.superadmin.get("/superadmin/dashboard")

    assert (shown["campuses"], shown["by_campus"], shown["students"]) == (0, [], students(0))


def test_a_dashboard_is_for_its_role(app: Flask, cast: Cast, teacher: Person, runtime: Runtime) -> None:
    grown(runtime, "reader", Role.SUB_SUPERADMIN, modules={"analytics": "read"})
    grown(runtime, "other", Role.SUB_SUPERADMIN, modules={"audit": "write"})
    grown(runtime, "marker", Role.EVALUATOR, campus_id=cast.north.id)
    grown(runtime, "r1", campus_id=cast.north.id)
    people = {name: Person(app, name) for name in ("reader", "other", "marker", "r1")}
    people |= {"root": cast.superadmin, "chief": cast.north.admin, "teacher": teacher}

    for url, welcome in {
        "/superadmin/dashboard": {"root", "reader"},
        "/campus_admin/dashboard": {"chief"},
        "/course_admin/dashboard": {"teacher"},
    }.items():
        statuses = {name: person.http.get(url).status_code for name, person in people.items()}
        assert statuses == {name: 200 if name in welcome else 403 for name in people}


def test_a_dashboard_takes_as_many_commands_for_twenty_campuses_as_for_two(
    app: Flask, cast: Cast, db: Any, runtime: Runtime, at_rest: Any
) -> None:
    def made(number: int) -> str:
        home = place(db, f"P{number}")
        invited(runtime, f"s{number}", campus_id=home.id)
        invited(runtime, f"c{number}", Role.COURSE_ADMIN, campus_id=home.id, course_ids=home.course_ids)
        grown(runtime, f"a{number}", Role.CAMPUS_ADMIN, campus_id=home.id)
        return home.id

    def commands(person: Person, url: str, scope: Scope) -> int:
        CommandLog.forget()
        person.get(url)
        return CommandLog.asked(scope.label)

    boss, [first, *_] = cast.superadmin, [made(number) for number in range(2)]
    chief = Person(app, "a0")
    at_rest()
    # sealing the rows of a campus asks in its name too
    until(lambda: next(db.audit.find({"seq": None}).hint("unsealed"), None) is None, "the audit log sealed")

    def asked() -> tuple[int, int]:
        return (
            commands(boss, "/superadmin/dashboard", Scope.everything()),
            commands(chief, "/campus_admin/dashboard", Scope.campus(first)),
        )

    of_two = asked()
    for number in range(2, 20):
        made(number)
    of_twenty = asked()

    assert of_two == of_twenty == (7, 8)
    assert len(boss.get("/superadmin/dashboard")["by_campus"]) == 20
