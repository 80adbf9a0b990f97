"""One person's data: all of it as one document, or without the person in it."""

from collections.abc import Sequence
from typing import Final

from config.permissions import Role
from models import Actor
from services.accounts.admins import LastAdmin
from services.accounts.documents import UserStatus
from services.accounts.personal_repository import PersonalAccounts
from services.accounts.repository import UserRepository
from services.accounts.service import AccountNotFound
from services.audit.service import AuditService
from services.persons.schemas import PersonExport
from services.ports import Person, PersonalData
from services.students.problems import StudentNotFound
from services.students.repository import StudentRepository
from utils.clock import Clock
from utils.scope import Scope
from utils.store import Store

LED: Final = (Role.SUPERADMIN, Role.CAMPUS_ADMIN)  # whoever is the last of these has to stay


class PersonService:
    """Asks every area. Each operation is one transaction: it happens as a whole or not at all."""

    def __init__(
        self,
        areas: Sequence[PersonalData],
        accounts: PersonalAccounts,
        users: UserRepository,
        roll: StudentRepository,
        store: Store,
        audit: AuditService,
        clock: Clock,
    ) -> None:
        self._areas, self._accounts, self._users, self._roll = areas, accounts, users, roll
        self._store, self._audit, self._clock = store, audit, clock

    @property
    def collections(self) -> frozenset[str]:
        """The collections that some area answers for."""
        return frozenset(name for area in self._areas for name in area.collections)

    def student(self, student_id: str, actor: Actor) -> Person:
        """Return a student of the actor's scope; raise StudentNotFound."""
        student = self._roll.find(actor.scope, student_id)
        if student is None:
            raise StudentNotFound()
        return Person(student.id, student.campus_id, student.username, student.mobile_number)

    def named(self, named: str, actor: Actor) -> Person:
        """Return who has this id or username; raise AccountNotFound."""
        person = self._accounts.find(actor.scope, named)
        if person is None:
            raise AccountNotFound()
        return person

    def export(self, person: Person, actor: Actor) -> PersonExport:
        """Return all that is stored about a person."""

        def work() -> PersonExport:
            scope = _scope(person)
            found = {
                name: rows for area in self._areas for name, rows in area.of_person(scope, person).items()
            }
            self._record("person.exported", person, actor)
            records = {name: [dict(row) for row in rows] for name, rows in sorted(found.items())}
            return PersonExport(person_id=person.id, exported_at=self._clock.now(), records=records)

        return self._store.atomically(work)

    def anonymise(self, person: Person, actor: Actor) -> None:
        """Take the person out of everything stored; what was done and sent stays. Raises LastAdmin."""

        def work() -> None:
            self._refuse_last(person)
            for area in self._areas:
                area.anonymise(_scope(person), person)
            self._record("person.anonymised", person, actor)

        self._store.atomically(work)

    def _refuse_last(self, person: Person) -> None:
        user = self._users.find(_scope(person), person.id)
        if user is None or user.role not in LED or user.status is not UserStatus.ACTIVE:
            return
        if self._users.hold_active(_scope(person), user.role, user.campus_id) <= 1:
            raise LastAdmin()

    def _record(self, action: str, person: Person, actor: Actor) -> None:
        self._audit.record(action, actor_id=actor.id, campus_id=person.campus_id, target=f"user:{person.id}")


def _scope(person: Person) -> Scope:
    return Scope.campus(person.campus_id) if person.campus_id else Scope.everything()
