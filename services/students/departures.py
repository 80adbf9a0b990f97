"""Taking students out, with all that lets them in and every message to them that has not left."""

from collections.abc import Sequence
from typing import Final

from services.accounts.service import AccountService
from services.audit.service import AuditService
from services.batch_jobs.service import BatchJobService
from services.students.repository import StudentRepository
from utils.scope import Scope

GONE: Final = "the student was removed before the message left"


class Departures:
    """Removes students inside the caller's transaction. Whether they may go is the caller's question."""

    def __init__(
        self,
        students: StudentRepository,
        accounts: AccountService,
        batch_jobs: BatchJobService,
        audit: AuditService,
    ) -> None:
        self._students, self._accounts = students, accounts
        self._batch_jobs, self._audit = batch_jobs, audit

    def remove(self, scope: Scope, ids: Sequence[str], actor_id: str, import_id: str | None = None) -> None:
        """Remove students of one campus; those that one import had made share one line of the audit log."""
        self._accounts.remove_many(scope, ids)
        self._students.remove_many(scope, ids)
        self._batch_jobs.skip(scope, ids, GONE)
        if import_id is None:
            for student_id in ids:
                self._record(scope, actor_id, f"student:{student_id}")
        else:
            self._record(scope, actor_id, "students", students=len(ids), import_id=import_id)

    def _record(self, scope: Scope, actor_id: str, target: str, **detail: object) -> None:
        self._audit.record(
            "student.removed", actor_id=actor_id, campus_id=scope.campus_id, target=target, **detail
        )
