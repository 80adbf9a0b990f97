"""Which courses a row belongs to: its group, or the courses that were chosen for the whole file."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

from utils.identifiers import NotAllowed

MOST_NAMED: Final = 20


def group_key(text: str) -> str:
    """Return the form in which the names of groups are compared: case, width and white space do not count."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class Groups:
    """The courses of the batch, by name and by code."""

    def __init__(self, courses: Mapping[str, str], chosen: Sequence[str]) -> None:
        self._names = list(courses)
        self._chosen = tuple(chosen)
        self._courses: dict[str, set[str]] = {}
        for name, course_id in courses.items():
            self._courses.setdefault(group_key(name), set()).add(course_id)

    @property
    def chosen(self) -> tuple[str, ...]:
        """Return the courses of a row that names no group."""
        return self._chosen

    def courses_of(self, group: str | None) -> tuple[str, ...]:
        """Return the ids of a row's courses; raise NotAllowed for a group that is none of them."""
        if group is None:
            if not self._chosen:
                raise NotAllowed(f"The group is missing; the batch has: {self._listed()}.")
            return self._chosen
        found = self._courses.get(group_key(group), set())
        if not found:
            raise NotAllowed(f'Group "{group[:60]}" is not a course of this batch; it has: {self._listed()}.')
        if len(found) > 1:
            raise NotAllowed(f'Group "{group[:60]}" stands for more than one course of this batch.')
        return tuple(found)

    def _listed(self) -> str:
        more = len(self._names) - MOST_NAMED
        named = ", ".join(self._names[:MOST_NAMED])
        return f"{named} and {more} more" if more > 0 else named or "no courses"
