"""What somebody who started background work may still do, asked while the work goes on."""

from collections.abc import Mapping, Sequence
from typing import Final

from config.permissions import Permission
from services.accounts.documents import UserStatus
from services.accounts.principals import actor_for
from services.accounts.repository import UserRepository
from services.batch_jobs.documents import JobType
from utils.scope import Scope

SELF_SERVICE: Final = "self-service"  # messages that people ask for themselves
OPERATIONS: Final = "operations"  # whoever has a shell on the server
MAY_SEND: Final[Mapping[JobType, frozenset[Permission]]] = {
    JobType.CREDENTIALS: frozenset(
        {Permission.CREDENTIALS_SEND, Permission.ADMIN_CREATE, Permission.ADMIN_UPDATE}
    ),
    JobType.NOTICE: frozenset(),  # nobody sends one
    JobType.TEMPLATE_TEST: frozenset({Permission.TEMPLATE_WRITE}),
    JobType.TEST_NOTIFICATION: frozenset({Permission.TEST_NOTIFY}),
    JobType.TEST_REMINDER: frozenset({Permission.TEST_NOTIFY}),
}
MAY_IMPORT: Final = frozenset({Permission.IMPORT_WRITE})
STARTED: Final = Scope.unscoped("rights of whoever started a job")


class Rights:
    """Answers for jobs: who was demoted, moved or deactivated since, has their jobs stopped."""

    def __init__(self, users: UserRepository) -> None:
        self._users = users

    def may_send(
        self, user_id: str, job_type: JobType, campus_id: str | None, course_ids: Sequence[str]
    ) -> bool:
        """Tell whether this person may still send messages of this kind in all of these courses."""
        return user_id == SELF_SERVICE or self._may(user_id, MAY_SEND[job_type], campus_id, course_ids)

    def may_import(self, user_id: str, campus_id: str, course_ids: Sequence[str]) -> bool:
        """Tell whether this person may still import students into all of these courses."""
        return self._may(user_id, MAY_IMPORT, campus_id, course_ids)

    def _may(
        self, user_id: str, wanted: frozenset[Permission], campus_id: str | None, course_ids: Sequence[str]
    ) -> bool:
        if user_id == OPERATIONS:
            return True
        user = self._users.find(STARTED, user_id)
        if user is None or user.status is not UserStatus.ACTIVE:
            return False
        actor = actor_for(user, session_id="")
        return not wanted.isdisjoint(actor.permissions) and actor.scope.holds(campus_id, course_ids)
