"""Which rows somebody may touch: a required argument of every access to tenant rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class Scope:
    """A set of rows, narrowed by each field that is not None.

    ``label`` names the scope in the comment of every MongoDB command, so that a log, the profiler and the
    test suite can tell a scoped command from a forgotten one.
    """

    label: str
    campus_id: str | None = None
    course_ids: tuple[str, ...] | None = None
    user_id: str | None = None

    @classmethod
    def everything(cls) -> Self:
        """Return the scope of a superadmin."""
        return cls("everything")

    @classmethod
    def campus(cls, campus_id: str) -> Self:
        """Return the rows of one campus."""
        return cls(f"campus:{campus_id}", campus_id)

    @classmethod
    def courses(cls, campus_id: str, course_ids: tuple[str, ...]) -> Self:
        """Return the rows of some courses of one campus."""
        return cls(f"courses:{campus_id}", campus_id, course_ids)

    @classmethod
    def own(cls, user_id: str, campus_id: str | None) -> Self:
        """Return the rows that belong to one person."""
        return cls(f"own:{user_id}", campus_id, user_id=user_id)

    @classmethod
    def unscoped(cls, reason: str) -> Self:
        """Return every row, for a stated reason; a test lists and counts these."""
        return cls(f"unscoped:{reason}")

    def holds(self, campus_id: str | None, course_ids: Sequence[str]) -> bool:
        """Tell whether all of these courses of a campus lie in it; what belongs to one person holds none."""
        if self.user_id is not None or self.campus_id not in (None, campus_id):
            return False
        return self.course_ids is None or set(course_ids) <= set(self.course_ids)

    @property
    def whole_campus(self) -> Self:
        """The same scope, not narrowed to courses: whoever works in some of them may see the campus."""
        return replace(self, course_ids=None)
