"""Letting students try again whom failed tries keep out."""

from models import Actor
from services.accounts.service import AccountService
from services.audit.service import AuditService
from services.students.problems import StudentNotFound
from services.students.repository import StudentRepository
from utils.store import Store


class StudentUnlocking:
    """Forgets failed tries to log in."""

    def __init__(
        self, students: StudentRepository, accounts: AccountService, store: Store, audit: AuditService
    ) -> None:
        self._students, self._accounts, self._store, self._audit = students, accounts, store, audit

    def unlock(self, student_id: str, actor: Actor) -> None:
        """Let a student of the actor's scope try again, everywhere; raise StudentNotFound."""

        def work() -> None:
            student = self._students.find(actor.scope, student_id)
            if student is None:
                raise StudentNotFound()
            self._accounts.unlock(student.id)
            self._audit.record(
                "student.unlocked",
                actor_id=actor.id,
                campus_id=student.campus_id,
                target=f"student:{student.id}",
            )

        self._store.atomically(work)
