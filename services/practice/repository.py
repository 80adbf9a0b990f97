"""The collection ``practice_overrides``: rows are added and read, and never changed."""

from collections.abc import Mapping, Sequence

from services.practice.documents import PRACTICE_OVERRIDES, Override
from services.practice.ladder import Action, Place
from utils.paging import Keyset
from utils.scope import Scope
from utils.store import Row, ScopeRule, Store


class OverrideRepository:
    """Overrides: whatever was decided about a student stays, and the newest of a place holds."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(PRACTICE_OVERRIDES, ScopeRule(course="course_ids", own="student_id"))

    def add(self, scope: Scope, override: Override) -> None:
        """Store a new one; of two with one number only one can be."""
        self._rows.insert(scope, override.to_mongo())

    def count(self, scope: Scope, student_id: str) -> int:
        """Return how many there are about a student."""
        return self._rows.count(scope, {"student_id": student_id})

    def holding(self, scope: Scope, student_ids: Sequence[str]) -> Mapping[str, Mapping[Place, Action]]:
        """Return what holds for each of these students, by place."""
        found: dict[str, dict[Place, Action]] = {student_id: {} for student_id in student_ids}
        query = {"student_id": {"$in": list(student_ids)}}
        for row in self._rows.find(scope, query, sort=[("student_id", 1), ("number", 1)]):
            override = Override.from_mongo(row)
            found[override.student_id][override.place] = override.action
        return {student_id: _in_force(actions) for student_id, actions in found.items()}

    def list_rows(self, scope: Scope, student_id: str, keyset: Keyset) -> list[Row]:
        """Return one more row of a student's history than a page holds."""
        query = {"student_id": student_id, **keyset.filter}
        return self._rows.find(scope, query, sort=keyset.order[:1], limit=keyset.limit + 1)


def _in_force(actions: Mapping[Place, Action]) -> Mapping[Place, Action]:
    return {place: action for place, action in actions.items() if action is not Action.LIFT}
