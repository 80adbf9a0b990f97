"""How many admins depend on a place, for the areas that remove places."""

from collections.abc import Mapping

from config.permissions import Role
from services.accounts.repository import UserRepository
from utils.scope import Scope


class AdminDependants:
    """Counts admins per campus and per course."""

    def __init__(self, users: UserRepository) -> None:
        self._users = users

    def counts(self, kind: str, row_id: str, campus_id: str) -> Mapping[str, int]:
        """Return ``admins`` of a ``campus``, or of a ``course`` of the campus; nothing for other kinds."""
        scope = Scope.campus(campus_id)
        if kind == "campus":
            return {"admins": self._users.count_with(scope, {"role": {"$ne": Role.STUDENT}})}
        if kind == "course":
            teaching = {"role": Role.COURSE_ADMIN, "course_ids": row_id}
            return {"admins": self._users.count_with(scope, teaching)}
        return {}
