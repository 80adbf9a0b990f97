"""What practice holds of one person: what was decided about them, and why."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.ports import Person
from services.practice.documents import PRACTICE_OVERRIDES
from utils.scope import Scope
from utils.store import ScopeRule, Store


class PersonalPractice:
    """Answers for overrides: their reasons are free text about a student."""

    collections = frozenset({PRACTICE_OVERRIDES})

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(PRACTICE_OVERRIDES, ScopeRule(course="course_ids", own="student_id"))

    def of_person(self, scope: Scope, person: Person) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return what was decided about a student."""
        return {PRACTICE_OVERRIDES: self._rows.find(scope, {"student_id": person.id})}

    def anonymise(self, scope: Scope, person: Person) -> None:
        """Put the alias in the place of the reasons; what was decided stays."""
        change = {"$set": {"reason": {"$literal": person.alias}}}
        self._rows.update_many(scope, {"student_id": person.id}, [change])
