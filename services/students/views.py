"""Students as clients see them, with their accounts and messages, in a constant number of queries."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.accounts.documents import User
from services.accounts.service import AccountService
from services.batch_jobs.service import BatchJobService
from services.students.documents import Student
from services.students.schemas import AccountState, LastDelivery, StudentOut
from utils.scope import Scope

MADE_OF_MORE: Final = frozenset({"account", "delivery", "course_ids"})


class StudentViews:
    """Shows students of a scope."""

    def __init__(self, accounts: AccountService, batch_jobs: BatchJobService) -> None:
        self._accounts, self._batch_jobs = accounts, batch_jobs

    def show(self, scope: Scope, students: Sequence[Student]) -> list[StudentOut]:
        """Return what the reader may see of these students: of their courses only those of the scope."""
        ids = [student.id for student in students]
        people = self._accounts.people(scope, ids)
        deliveries = self._batch_jobs.latest(ids, scope)
        return [
            _out(student, people.get(student.id), deliveries.get(student.id, {}), scope)
            for student in students
        ]


def _out(student: Student, user: User | None, delivery: Mapping[Any, Any], scope: Scope) -> StudentOut:
    within = scope.course_ids
    copied = set(StudentOut.model_fields) - MADE_OF_MORE
    return StudentOut(
        **{name: getattr(student, name) for name in copied},
        course_ids=[c for c in student.course_ids if within is None or c in within],
        account=AccountState(
            activated=user is not None and user.password_hash is not None,
            first_login_at=user.first_login_at if user else None,
            last_login_at=user.last_login_at if user else None,
        ),
        delivery=LastDelivery(**{str(channel): state for channel, state in delivery.items()}),
    )
