"""Who walks: one of every role and place, and everybody who must not get in at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from config.permissions import GRANTS, Permission, Role, differing, module_grants
from tests.authz.world import (
    BOTH,
    CAMPUSES,
    COURSES,
    OWNED_COLLECTIONS,
    PLATFORM,
    WHOLE,
    Kind,
    Row,
    World,
    word,
)

MODULES: Final = tuple(sorted({permission.module for permission in Permission}))
ONE_MODULE: Final = "student_management"
APPOINTING: Final = Permission.ADMIN_CREATE.module
NARROWED: Final = (
    "student_management:student:read",
    "batch_management:batch:update",
    "access_control:admin:delete",
)
# Rows of several courses that only somebody sees who has all of them.
WHOLLY_OWN: Final = frozenset({"imports", "batch_jobs", "dead_letters"})
# Rows of whole campuses, of which the platform has some that all campuses read and none changes.
OF_CAMPUS_AND_PLATFORM: Final = frozenset({"answer_keys", "question_versions", "questions"})


@dataclass(frozen=True, slots=True)
class Account:
    """An admin whom the builder appoints. One that ``stands`` is there to be read and changed by others."""

    username: str
    role: Role
    campus: str = ""
    courses: tuple[str, ...] = ()
    modules: Mapping[str, str] = field(default_factory=dict)
    granted: frozenset[Permission] = frozenset()
    withheld: frozenset[Permission] = frozenset()
    stands: bool = False

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the account may do, by the tables."""
        usual = module_grants(self.modules) if self.role is Role.SUB_SUPERADMIN else GRANTS[self.role]
        return differing(self.role, usual, self.granted, self.withheld)

    @property
    def word(self) -> str:
        """The word of the account's place."""
        return word(self.campus or PLATFORM, "".join(self.courses) or WHOLE)


def _accounts() -> Sequence[Account]:
    superadmins = [Account(name, Role.SUPERADMIN) for name in ("dismissed", "fresh")]
    subs: dict[str, dict[str, str]] = {
        "sub.none": {},
        "sub.reads.one": {ONE_MODULE: "read"},
        "sub.writes.one": {ONE_MODULE: "write"},
        "sub.appoints": {APPOINTING: "write"},
        "sub.reads": dict.fromkeys(MODULES, "read"),
        "sub.writes": dict.fromkeys(MODULES, "write"),
        "caller": {},
    }
    made = superadmins + [Account(name, Role.SUB_SUPERADMIN, modules=m) for name, m in subs.items()]
    for campus in CAMPUSES:
        made.append(Account(f"boss.{campus}0", Role.CAMPUS_ADMIN, campus))
        made.append(Account(f"evaluator.{campus}", Role.EVALUATOR, campus))
        for course in (*COURSES, BOTH):
            courses = tuple(course)
            made.append(Account(f"boss.{campus}{course}", Role.COURSE_ADMIN, campus, courses))
            made.append(Account(f"helper.{campus}{course}", Role.COURSE_ADMIN, campus, courses, stands=True))
    wide, narrow = frozenset({Permission.COURSE_UPDATE}), frozenset(map(Permission, NARROWED))
    made.append(Account("wide.a1", Role.COURSE_ADMIN, "a", ("1",), granted=wide))
    made.append(Account("narrow.a0", Role.CAMPUS_ADMIN, "a", withheld=narrow))
    return tuple(made)


ACCOUNTS: Final = _accounts()


class Proof(StrEnum):
    """What somebody shows to prove who they are."""

    NOTHING = "nothing"
    GARBAGE = "garbage"
    EXPIRED = "an expired token"
    LOGGED_OUT = "a token of an ended session"
    REFRESH = "a refresh token"
    WRONG_KEY = "a token signed by somebody else"
    UNSIGNED = "a token that is not signed"
    OF_THE_DISMISSED = "a token of a deactivated account"
    TOKEN = "a token that holds"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who asks. ``username`` names the account that the proof is made of."""

    name: str
    username: str
    role: Role | None = None
    campus: str = ""
    courses: tuple[str, ...] = ()
    permissions: frozenset[Permission] = frozenset()
    proof: Proof = Proof.TOKEN
    must_change_password: bool = False

    @property
    def gets_in(self) -> bool:
        """Whether the proof holds."""
        return self.proof is Proof.TOKEN

    def sees(self, row: Row, world: World) -> bool:
        """Tell whether a row lies in the actor's scope, worked out from the row and from nothing else."""
        if row.collection in OWNED_COLLECTIONS:
            return self.gets_in and row.stored["user_id"] == world.account_id(self.username)
        if self.role in (Role.SUPERADMIN, Role.SUB_SUPERADMIN):
            return True
        if self.role is Role.STUDENT:
            return self._sits(row, world)
        if row.collection in OF_CAMPUS_AND_PLATFORM and self.role in (Role.CAMPUS_ADMIN, Role.COURSE_ADMIN):
            return row.campus_id in (None, self.campus_id(world))
        if self.role not in (Role.CAMPUS_ADMIN, Role.COURSE_ADMIN) or row.campus_id != self.campus_id(world):
            return False
        if self.role is Role.CAMPUS_ADMIN or row.collection == Kind.CAMPUS.collection:
            return True
        shared = row.course_ids & self.course_ids(world)
        return shared == row.course_ids != frozenset() if row.collection in WHOLLY_OWN else bool(shared)

    def _sits(self, row: Row, world: World) -> bool:
        """Tell whether a row is about the student, or a published test whose audience holds them."""
        student_id = world.account_id(self.username)
        if row.collection == "test_papers":
            row = world.rows[Kind.TEST.collection][row.id]
        if row.collection != Kind.TEST.collection:
            return row.stored.get("student_id") == student_id
        stored, student = row.stored, world.rows[Kind.STUDENT.collection][student_id].stored
        return (
            (row.campus_id, stored["state"]) == (student["campus_id"], "published")
            and (not row.course_ids or bool(row.course_ids & set(student["course_ids"])))
            and student["batch_id"] in (stored["batch_ids"] or [student["batch_id"]])
            and student_id in (stored["student_ids"] or [student_id])
        )

    def writes(self, row: Row, world: World) -> bool:
        """Tell whether the actor may change a row that they see: of the platform's only whoever sees all."""
        return row.collection not in OF_CAMPUS_AND_PLATFORM or self.campus_id(world) in (None, row.campus_id)

    def campus_id(self, world: World) -> str | None:
        """Return the actor's campus."""
        return world.campus_ids.get(self.campus)

    def course_ids(self, world: World) -> frozenset[str]:
        """Return the actor's courses."""
        return frozenset(world.course_ids[self.campus, course] for course in self.courses)


def _of(name: str, username: str, **more: Any) -> Actor:
    """Return the actor who has an appointed account."""
    account = next(one for one in ACCOUNTS if one.username == username)
    return Actor(name, username, account.role, account.campus, account.courses, account.permissions, **more)


def _student(name: str, campus: str, course: str, number: int) -> Actor:
    username, role = f"{word(campus, course)}-{number}", Role.STUDENT
    return Actor(name, username, role, campus, tuple(course), GRANTS[role])


STRANGERS: Final = (
    Actor("anonymous", "root", proof=Proof.NOTHING),
    Actor("malformed token", "root", proof=Proof.GARBAGE),
    Actor("expired token", "root", proof=Proof.EXPIRED),
    Actor("logged out", "root", proof=Proof.LOGGED_OUT),
    Actor("refresh token as access token", "root", proof=Proof.REFRESH),
    Actor("token of a wrong key", "root", proof=Proof.WRONG_KEY),
    Actor("token that is not signed", "root", proof=Proof.UNSIGNED),
    Actor("deactivated superadmin", "dismissed", proof=Proof.OF_THE_DISMISSED),
)
# Add the actors of a new role here; everything else follows from the tables of config/permissions.py.
ACTORS: Final = (
    *STRANGERS,
    _of("superadmin who must change the password", "fresh", must_change_password=True),
    _student("student, own", "a", "1", 0),
    _student("student of the same batch", "a", "1", 1),
    _student("student of another batch", "a", "1", 2),
    _student("student of another course", "a", "2", 0),
    _student("student of both courses", "a", BOTH, 0),
    _student("student of another campus", "b", "1", 0),
    _of("evaluator", "evaluator.a"),
    _of("evaluator of another campus", "evaluator.b"),
    _of("course admin, own", "boss.a1"),
    _of("course admin of another course", "boss.a2"),
    _of("course admin of both courses", "boss.a12"),
    _of("course admin of another campus", "boss.b1"),
    _of("campus admin, own", "boss.a0"),
    _of("campus admin of another campus", "boss.b0"),
    _of("sub-superadmin without modules", "sub.none"),
    _of("sub-superadmin who reads one module", "sub.reads.one"),
    _of("sub-superadmin who writes one module", "sub.writes.one"),
    _of("sub-superadmin who may appoint and nothing else", "sub.appoints"),
    _of("sub-superadmin who reads all modules", "sub.reads"),
    _of("sub-superadmin who writes all modules", "sub.writes"),
    _of("course admin who may change the course", "wide.a1"),
    _of("campus admin who may do less than others", "narrow.a0"),
    Actor("superadmin", "root", Role.SUPERADMIN, permissions=frozenset(Permission)),
)
