"""How many tests depend on rows of earlier areas."""

from collections.abc import Mapping
from typing import Final

from services.assessments.repository import AssessmentRepository
from utils.scope import Scope

ENOUGH: Final = 200
FIELDS: Final = {"course": "course_ids", "batch": "batch_ids"}


class AssessmentsDependOn:
    """Answers Dependants: the tests of a campus, and those for a course or batch."""

    def __init__(self, tests: AssessmentRepository) -> None:
        self._tests = tests

    def counts(self, kind: str, row_id: str, campus_id: str) -> Mapping[str, int]:
        """Return how many tests depend on the row."""
        query = {FIELDS[kind]: row_id} if kind in FIELDS else {}
        if kind != "campus" and not query:
            return {}
        return {"tests": self._tests.count(Scope.campus(campus_id), query, ENOUGH)}
