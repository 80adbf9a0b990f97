"""Second factors of students who have lost theirs."""

from models import Actor
from services.accounts.service import AccountService
from services.audit.service import AuditService
from services.students.problems import StudentNotFound
from services.students.repository import StudentRepository
from utils.store import Store


class StudentSecondFactors:
    """Removes second factors of students of the actor's scope."""

    def __init__(
        self, students: StudentRepository, accounts: AccountService, audit: AuditService, store: Store
    ) -> None:
        self._students, self._accounts, self._audit, self._store = students, accounts, audit, store

    def reset(self, student_id: str, actor: Actor) -> None:
        """Remove a student's second factor, if there is one, and end their sessions."""

        def work() -> None:
            student = self._students.find(actor.scope, student_id)
            if student is None:
                raise StudentNotFound()
            if self._accounts.reset_second_factor(actor.scope, student.id):
                self._audit.record(
                    "student.second_factor_reset",
                    actor_id=actor.id,
                    campus_id=student.campus_id,
                    target=f"student:{student.id}",
                )

        self._store.atomically(work)
