"""How many students depend on a place."""

from collections.abc import Mapping

from services.students.repository import StudentRepository
from utils.scope import Scope


class StudentsDependOn:
    """Answers ``Dependants`` for the organisation."""

    def __init__(self, students: StudentRepository) -> None:
        self._students = students

    def counts(self, kind: str, row_id: str, campus_id: str) -> Mapping[str, int]:
        """Return how many students a campus, course, batch or instance has."""
        fields = {"batch": "batch_id", "course": "course_ids", "instance": "instance_ids"}
        if kind == "campus":
            return {"students": self._students.count(Scope.campus(campus_id), {})}
        if kind in fields:
            return {"students": self._students.count(Scope.campus(campus_id), {fields[kind]: row_id})}
        return {}
