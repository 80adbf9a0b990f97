from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any

import pytest
from flask import Flask

from config.modules import TEMPLATES, Module, Template
from config.permissions import GRANTS, MOST, Permission, Role
from main import Runtime
from tests.cast import Cast, Person
from tests.clients import device, pointers, together
from tests.people import Place, grown, place

ADMINS = "/admin_management/admins"
ACCESS = "/access_control/admins"
STUDENTS = "/student_management/students"
Grow = Callable[..., Person]


@pytest.fixture
def north(db: Any) -> Place:
    return place(db, "North")


@pytest.fixture
def boss(cast: Cast) -> Person:
    return cast.superadmin


@pytest.fixture
def person(app: Flask, runtime: Runtime, north: Place) -> Grow:
    """Call it with a name and a role: somebody of North, who has logged in."""

    def make(username: str, role: Role, **more: Any) -> Person:
        place = {} if role in (Role.SUPERADMIN, Role.SUB_SUPERADMIN) else {"campus_id": north.id}
        courses = {"course_ids": north.course_ids[:1]} if role is Role.COURSE_ADMIN else {}
        grown(runtime, username, role, **place, **courses, **more)
        return Person(app, username)

    return make


@pytest.fixture
def chief(person: Grow) -> Person:
    return person("chief", Role.CAMPUS_ADMIN)


@pytest.fixture
def teacher(person: Grow) -> Person:
    return person("teacher", Role.COURSE_ADMIN)


def path(admin: Person) -> str:
    return f"{ACCESS}/{admin.id}/permissions"


def usual(
    role: Role, *, but: AbstractSet[Permission] = frozenset(), more: AbstractSet[Permission] = frozenset()
) -> list[str]:
    return sorted((GRANTS[role] - but) | more)


def test_an_admin_is_narrowed_and_widened_at_once_and_reset(
    chief: Person, teacher: Person, boss: Person
) -> None:
    wanted = usual(Role.COURSE_ADMIN, but={Permission.STUDENT_READ}, more={Permission.COURSE_UPDATE})
    teacher.get(STUDENTS)

    changed = chief.put(path(teacher), {"permissions": wanted})

    assert changed["permissions"] == wanted
    assert (changed["granted"], changed["withheld"]) == (
        [Permission.COURSE_UPDATE],
        [Permission.STUDENT_READ],
    )
    assert teacher.get(STUDENTS, status=403)["permission"] == Permission.STUDENT_READ
    assert teacher.get("/auth/me")["permissions"] == wanted
    [course] = teacher.get("/course_management/courses")["items"]
    teacher.patch(f"/course_management/courses/{course['id']}", {"name": "Renamed"})

    back = chief.post(f"{path(teacher)}/reset", status=200)

    assert (back["permissions"], back["granted"]) == (usual(Role.COURSE_ADMIN), [])
    teacher.get(STUDENTS)


def test_a_change_is_audited_with_its_difference(
    chief: Person, teacher: Person, north: Place, db: Any
) -> None:
    chief.put(path(teacher), {"permissions": usual(Role.COURSE_ADMIN, but={Permission.STUDENT_READ})})

    [row] = db.audit.find({"action": "admin.permissions_changed", "campus_id": north.id})
    assert (row["actor_id"], row["target"]) == (chief.id, f"admin:{teacher.id}")
    assert (row["detail"]["given"], row["detail"]["taken"]) == ([], [Permission.STUDENT_READ])
    assert row["detail"]["before"]["withheld"] == []
    assert row["detail"]["after"]["withheld"] == [Permission.STUDENT_READ]


def test_nobody_gives_what_they_do_not_have(
    boss: Person, chief: Person, teacher: Person, person: Grow
) -> None:
    second = person("second", Role.CAMPUS_ADMIN)
    boss.put(path(chief), {"permissions": usual(Role.CAMPUS_ADMIN, but={Permission.TEMPLATE_WRITE})})
    boss.put(path(teacher), {"permissions": usual(Role.COURSE_ADMIN, but={Permission.COURSE_READ})})

    refused = chief.put(path(second), {"permissions": usual(Role.CAMPUS_ADMIN)}, status=403)
    more = chief.put(path(teacher), {"permissions": [Permission.CAMPUS_CREATE]}, status=403)

    assert refused["type"] == more["type"] == "/problems/beyond-your-rights"  # second may do more than chief
    boss.put(path(second), {"permissions": usual(Role.CAMPUS_ADMIN, but={Permission.TEMPLATE_WRITE})})
    chief.put(path(second), {"permissions": usual(Role.CAMPUS_ADMIN)}, status=403)
    chief.post(f"{path(second)}/reset", status=403)
    chief.put(path(second), {"permissions": [Permission.STUDENT_READ]})
    assert Permission.TEMPLATE_WRITE not in chief.get(path(second))["grantable"]


def test_nobody_changes_their_own_permissions(boss: Person, chief: Person) -> None:
    for person in (boss, chief):
        all_of_it = {"permissions": person.get("/auth/me")["permissions"]}
        assert person.put(path(person), all_of_it, status=403)["type"] == "/problems/your-own-permissions"
        person.post(f"{path(person)}/reset", status=403)
        assert person.get(path(person))["grantable"] == []


@pytest.mark.parametrize(
    ("role", "beyond"),
    [
        (Role.CAMPUS_ADMIN, Permission.CAMPUS_CREATE),
        (Role.CAMPUS_ADMIN, Permission.OUTBOX_READ),
        (Role.CAMPUS_ADMIN, Permission.WORKER_READ),
        (Role.CAMPUS_ADMIN, Permission.PERFORMANCE_READ),
        (Role.COURSE_ADMIN, Permission.ADMIN_CREATE),
        (Role.EVALUATOR, Permission.STUDENT_READ),
    ],
)
def test_what_a_role_may_never_hold_is_given_by_nobody(
    boss: Person, person: Grow, role: Role, beyond: Permission
) -> None:
    admin = person("asha", role)

    refused = boss.put(path(admin), {"permissions": [beyond]}, status=422)

    assert pointers(refused) == ["/permissions"]
    assert boss.get(path(admin))["permissions"] == usual(role)


def test_a_superadmin_cannot_be_stripped(boss: Person, person: Grow) -> None:
    second = person("second", Role.SUPERADMIN)

    refused = boss.put(path(second), {"permissions": [Permission.STUDENT_READ]}, status=422)
    boss.put(path(second), {"permissions": sorted(Permission)})

    assert pointers(refused) == ["/permissions"]
    assert second.get("/auth/me")["permissions"] == sorted(Permission)


def test_a_sub_superadmin_is_changed_by_module_and_by_template(boss: Person, person: Grow) -> None:
    sub = person("sub", Role.SUB_SUPERADMIN)
    sub.get(STUDENTS, status=403)

    by_module = boss.put(path(sub), {"permissions": {"student_management": "read", "forms": "none"}})
    sub.get(STUDENTS)
    sub.post(STUDENTS, {}, status=403)
    by_name = boss.put(path(sub), {"template": "read_only"})

    assert (by_module["template"], by_module["modules"]["student_management"]) == ("custom", "read")
    assert set(by_module["modules"]) == set(Module)
    assert (by_name["template"], set(by_name["modules"].values())) == ("read_only", {"read"})
    assert all(name.endswith(":read") for name in sub.get("/auth/me")["permissions"])
    assert Permission.OUTBOX_READ not in by_name["permissions"]
    boss.put(path(sub), {"permissions": [Permission.STUDENT_READ]}, status=422)
    assert boss.post(f"{path(sub)}/reset", status=200)["permissions"] == []


def test_a_sub_superadmin_is_appointed_by_template(boss: Person) -> None:
    def made(username: str, status: int = 201, **more: Any) -> Any:
        wish = {
            "role": "sub_superadmin",
            "name": "Sub",
            "username": username,
            "email": f"{username}@example.com",
        }
        return boss.post(ADMINS, {**wish, **more}, status=status)

    everything = made("s1", template="full_access")
    chosen = made("s2", template="custom", permissions={"forms": "write"})

    assert everything["permissions"] == dict.fromkeys(Module, "write")
    assert chosen["permissions"] == {"forms": "write"}
    assert pointers(made("s3", 422, template="read_only", permissions={"forms": "write"})) == ["/template"]
    assert pointers(made("s4", 422, role="superadmin", template="read_only")) == ["/template"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"template": "custom"}, ""),
        ({"template": "read_only", "permissions": []}, ""),
        ({"permissions": ["everything"]}, "/permissions"),
        ({"permissions": [{"$ne": 1}]}, "/permissions"),
        ({"permissions": [1, None]}, "/permissions"),
        ({"permissions": "all"}, "/permissions"),
        ({"permissions": {"forms": "own"}}, "/permissions"),
        ({"permissions": {"forms": ["write"]}}, "/permissions"),
        ({"permissions": {"everything": "write"}}, "/permissions"),
        ({"permissions": {"student_management": "read"}}, "/permissions"),
        ({"permissions": [], "granted": []}, "/granted"),
        ({"template": "mine"}, "/template"),
    ],
)
def test_a_wrong_choice_names_the_field(
    boss: Person, teacher: Person, body: dict[str, Any], pointer: str
) -> None:
    assert pointers(boss.put(path(teacher), body, status=422)) == [pointer]


def test_a_stale_choice_is_refused(boss: Person, teacher: Person) -> None:
    etag = boss.http.get(path(teacher)).headers["ETag"]

    boss.put(path(teacher), {"permissions": []}, headers={"If-Match": etag})
    boss.put(path(teacher), {"permissions": usual(Role.COURSE_ADMIN)}, status=412, headers={"If-Match": etag})

    assert boss.get(path(teacher))["permissions"] == []


def test_of_two_who_strip_each_other_one_is_too_late(person: Grow, db: Any) -> None:
    first, second = person("first", Role.CAMPUS_ADMIN), person("second", Role.CAMPUS_ADMIN)
    nothing: dict[str, Any] = {"permissions": []}

    statuses = together(
        lambda: device(first).put(path(second), json=nothing),
        lambda: device(second).put(path(first), json=nothing),
    )

    assert sorted(statuses) == [200, 403]
    ids = {"_id": {"$in": [first.id, second.id]}}
    assert sorted(len(row["withheld"]) for row in db.users.find(ids)) == [0, len(GRANTS[Role.CAMPUS_ADMIN])]


def test_modules_and_templates_are_listed(chief: Person) -> None:
    modules = chief.get("/access_control/modules")["items"]
    templates = chief.get("/access_control/templates")["items"]

    assert [module["name"] for module in modules] == list(Module)
    held = {one["name"] for module in modules for one in module["permissions"] if one["held"]}
    assert held == GRANTS[Role.CAMPUS_ADMIN]
    assert {one["name"]: one["modules"] for one in templates} == {
        name: dict(TEMPLATES[name]) for name in Template
    }


def test_the_tables_agree() -> None:
    assert {permission.module for permission in Permission} <= set(Module)
    assert [role for role in Role if not GRANTS[role] <= MOST[role]] == []
    assert set(MOST) == set(Role)
