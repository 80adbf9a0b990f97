"""Adding and changing many students at once, inside the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from config.permissions import Role
from services.accounts.names import NewAccount
from services.accounts.service import AccountService
from services.audit.service import AuditService
from services.campuses.lookup import PlaceLookup
from services.students.documents import Student
from services.students.repository import StudentRepository
from utils.clock import Clock
from utils.identifiers import search_terms
from utils.problems import Stale
from utils.scope import Scope
from utils.text import key_of

OF_THE_ACCOUNT: Final = frozenset({"name", "email", "mobile_number", "course_ids"})


@dataclass(frozen=True, slots=True)
class NewStudent:
    """A student to be made; everything in normal form, ``mobile_number`` as E.164 with its plus."""

    id: str
    campus_id: str
    batch_id: str
    course_ids: tuple[str, ...]
    roll_number: str
    username: str
    name: str
    email: str | None
    mobile_number: str | None
    import_id: str | None = None


@dataclass(frozen=True, slots=True)
class StudentChange:
    """Fields of a student to be set, if the student is still as it was read."""

    student: Student
    fields: Mapping[str, Any]


class StudentBulk:
    """Writes students with their accounts; the same rules for one and for five hundred."""

    def __init__(
        self,
        students: StudentRepository,
        accounts: AccountService,
        places: PlaceLookup,
        audit: AuditService,
        clock: Clock,
    ) -> None:
        self._students, self._accounts, self._places = students, accounts, places
        self._audit, self._clock = audit, clock

    def create_many(self, scope: Scope, wanted: Sequence[NewStudent], actor_id: str) -> list[Student]:
        """Store students, their accounts and the fact that their batch is in use.

        Raises IdentifierTaken or BatchNotFound, which end the transaction.
        """
        made: list[Student] = []
        for batch_id, some in groupby(wanted, key=lambda new: new.batch_id):
            made += self._in_batch(scope, batch_id, list(some))
        ids = [new.id for new in wanted]
        self._audit.record(
            "student.created",
            actor_id=actor_id,
            campus_id=scope.campus_id,
            target=f"student:{ids[0]}" if len(ids) == 1 else "students",
            students=len(ids),
            import_id=wanted[0].import_id,
        )
        return made

    def change_many(self, scope: Scope, changes: Sequence[StudentChange], actor_id: str) -> None:
        """Set fields of students and of their accounts; raise Stale if one was changed meanwhile."""
        if not changes:
            return
        prepared = [(change.student, self._with_derived(scope, change)) for change in changes]
        if self._students.change_each(scope, prepared) != len(prepared):
            raise Stale()
        for student, fields in prepared:
            account = {name: value for name, value in fields.items() if name in OF_THE_ACCOUNT}
            if account:
                self._accounts.update(scope, student.id, account)
        self._audit.record(
            "student.changed",
            actor_id=actor_id,
            campus_id=scope.campus_id,
            target=f"student:{changes[0].student.id}" if len(changes) == 1 else "students",
            students=len(changes),
            fields=sorted({name for change in changes for name in change.fields}),
        )

    def _in_batch(self, scope: Scope, batch_id: str, wanted: Sequence[NewStudent]) -> list[Student]:
        campus_id = wanted[0].campus_id
        self._places.hold_batch(campus_id, batch_id)
        instances = self._places.instances(campus_id, batch_id)
        self._accounts.create_many(scope, [_account(new) for new in wanted])
        students = [self._student(new, instances) for new in wanted]
        self._students.add_many(scope, students)
        return students

    def _student(self, new: NewStudent, instances: Mapping[str, str]) -> Student:
        now = self._clock.now()
        return Student(
            id=new.id,
            campus_id=new.campus_id,
            batch_id=new.batch_id,
            course_ids=new.course_ids,
            instance_ids=tuple(instances[course_id] for course_id in new.course_ids),
            roll_number=new.roll_number,
            username=new.username,
            name=new.name,
            name_key=key_of(new.name),
            email=new.email,
            mobile_number=new.mobile_number,
            terms=terms_of(new.name, new.roll_number, new.mobile_number),
            import_id=new.import_id,
            created_at=now,
            updated_at=now,
        )

    def _with_derived(self, scope: Scope, change: StudentChange) -> dict[str, Any]:
        """Return the fields with everything that is made of them."""
        student, fields = change.student, dict(change.fields)
        if "course_ids" in fields:
            instances = self._places.instances(student.campus_id, student.batch_id)
            fields["instance_ids"] = [instances[course_id] for course_id in fields["course_ids"]]
            self._places.hold_batch(student.campus_id, student.batch_id)
        shown = {name: fields.get(name, getattr(student, name)) for name in ("name", "roll_number")}
        mobile = fields.get("mobile_number", student.mobile_number)
        derived = {
            "name_key": key_of(shown["name"]),
            "terms": list(terms_of(shown["name"], shown["roll_number"], mobile)),
            "updated_at": self._clock.now(),
        }
        return fields | derived


def terms_of(name: str, roll_number: str, mobile_number: str | None) -> tuple[str, ...]:
    """Return the prefixes under which a student is found."""
    return tuple(search_terms(name, roll_number, (mobile_number or "").removeprefix("+")))


def _account(new: NewStudent) -> NewAccount:
    return NewAccount(
        id=new.id,
        username=new.username,
        role=Role.STUDENT,
        name=new.name,
        email=new.email,
        mobile_number=new.mobile_number,
        campus_id=new.campus_id,
        course_ids=new.course_ids,
    )
