"""Tests as somebody may see them: of courses, batches and students only those that are theirs."""

from collections.abc import Sequence
from typing import Any

from models import Actor
from services.assessments.repository import Seen
from services.assessments.schemas import AssessmentOut, AssessmentRow, shown
from services.campuses.lookup import PlaceLookup
from services.students.repository import StudentRepository
from utils.scope import Scope


class AssessmentViews:
    """Shows tests. To whoever sees whole campuses as they are; the names in others cost one query a kind."""

    def __init__(self, places: PlaceLookup, students: StudentRepository) -> None:
        self._places, self._students = places, students

    def one(self, seen: Seen, actor: Actor) -> AssessmentOut:
        """Show a test."""
        [fields] = self._theirs([shown(seen)], actor.scope)
        if actor.scope.course_ids is not None:
            found = self._students.find_many(actor.scope, fields["student_ids"])
            fields["student_ids"] = _kept(fields["student_ids"], [student.id for student in found])
        return AssessmentOut.model_validate(fields, extra="ignore")

    def rows(self, seen: Sequence[Seen], actor: Actor) -> list[AssessmentRow]:
        """Show tests as lists do."""
        found = self._theirs([shown(one) for one in seen], actor.scope)
        return [AssessmentRow.model_validate(fields, extra="ignore") for fields in found]

    def _theirs(self, tests: list[dict[str, Any]], scope: Scope) -> list[dict[str, Any]]:
        if scope.course_ids is None:
            return tests
        named = {batch_id for fields in tests for batch_id in fields["batch_ids"]}
        batches = self._places.those_of(scope, sorted(named)) if named else []
        for fields in tests:
            fields["course_ids"] = _kept(fields["course_ids"], scope.course_ids)
            fields["batch_ids"] = _kept(fields["batch_ids"], batches)
        return tests


def _kept(ids: Sequence[str], theirs: Sequence[str]) -> list[str]:
    return [one for one in ids if one in theirs]
