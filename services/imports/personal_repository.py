"""What rows of rosters say of one person: those that made or changed them, and those that could not."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.imports.documents import IMPORT_ROWS, IMPORTS
from services.imports.roster.lines import Column
from services.ports import Person
from services.students.repository import StudentRepository
from utils.scope import Scope
from utils.store import Row, Store

REMOVED: Final = "was removed with the data of the person"


class PersonalImports:
    """Answers for the imports. Rows are found by the student that they made or changed, and, in imports of
    the student's batch, by roll number and mobile number."""

    collections = frozenset({IMPORT_ROWS})

    def __init__(self, store: Store, roll: StudentRepository) -> None:
        self._imports, self._rows = store.rows(IMPORTS), store.rows(IMPORT_ROWS)
        self._roll = roll

    def of_person(self, scope: Scope, person: Person) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return the rows."""
        return {IMPORT_ROWS: self._rows.find(scope, self._theirs(scope, person))}

    def anonymise(self, scope: Scope, person: Person) -> None:
        """Leave what came of each row, but nothing of what it said."""
        alias = dict.fromkeys(("name", "roll_number", "username"), person.alias)
        nameless = {**alias, "mobile_number": None, "email": None}
        faults = {"$map": {"input": "$errors", "in": {"column": "$$this.column", "detail": REMOVED}}}
        change = {
            "values": {"$literal": {}},
            "changes": {"$literal": {}},
            "student": _over("$student", nameless),
            "before": _over("$before", nameless),
            "errors": faults,
        }
        self._rows.update_many(scope, self._theirs(scope, person), [{"$set": change}])

    def _theirs(self, scope: Scope, person: Person) -> Row:
        student = self._roll.find(scope, person.id)
        made = {"student_id": person.id}
        if student is None:
            return made
        query = {"batch_id": student.batch_id}
        ids = [row["_id"] for row in self._imports.find(scope, query, {"_id": 1})]
        said = [
            {"student.username": student.username},
            {f"values.{Column.ROLL_NUMBER.value}": {"$in": [student.roll_number, student.username]}},
        ]
        if student.mobile_number:
            said.append({"student.mobile_number": student.mobile_number})
        return {"$or": [made, {"import_id": {"$in": ids}, "$or": said}]}


def _over(field: str, values: Mapping[str, str | None]) -> Row:
    """Return the expression that puts values over those of a field, where it is there."""
    return {"$cond": [{"$gt": [field, None]}, {"$mergeObjects": [field, {"$literal": dict(values)}]}, None]}
