"""Which students of an import have begun to live: those whom undoing it must leave alone."""

from collections.abc import Mapping, Sequence
from typing import Final

from services.accounts.documents import User
from services.accounts.service import AccountService
from services.imports.documents import ImportRow, Outcome
from services.ports import Dependants
from services.students.documents import Student
from services.students.repository import StudentRepository
from utils.scope import Scope

SIGNED_IN: Final = "has signed in"
EDITED: Final = "was edited since"


class Uses:
    """Says of each student why undoing may not touch them."""

    def __init__(
        self, students: StudentRepository, accounts: AccountService, dependants: Sequence[Dependants]
    ) -> None:
        self._students, self._accounts, self._dependants = students, accounts, dependants

    def present(self, scope: Scope, rows: Sequence[ImportRow]) -> dict[str, Student]:
        """Return those students of the rows who are still there, by id."""
        ids = [row.student_id for row in rows if row.student_id]
        return {student.id: student for student in self._students.find_many(scope, ids)}

    def reasons(
        self, scope: Scope, rows: Sequence[ImportRow], present: Mapping[str, Student]
    ) -> dict[str, str]:
        """Return why students must stay as they are, by the id of their row; the others are free."""
        users = self._accounts.people(scope, list(present))
        found = {
            row.id: self._reasons(row, student, users.get(student.id))
            for row in rows
            if (student := present.get(row.student_id or ""))
        }
        return {row_id: " and ".join(reasons) for row_id, reasons in found.items() if reasons}

    def _reasons(self, row: ImportRow, student: Student, user: User | None) -> list[str]:
        left_at = 1 if row.outcome is Outcome.NEW else (row.base_revision or 0) + 1
        edited = [EDITED] if student.revision != left_at else []
        if row.outcome is not Outcome.NEW:
            return edited
        signed_in = [SIGNED_IN] if user is not None and user.password_hash is not None else []
        return signed_in + edited + self._work(student)

    def _work(self, student: Student) -> list[str]:
        counts: dict[str, int] = {}
        for provider in self._dependants:
            counts |= provider.counts("student", student.id, student.campus_id)
        return [f"has {count} {kind}" for kind, count in counts.items() if count]
