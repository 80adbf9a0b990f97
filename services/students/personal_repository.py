"""What the student record says of one person."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.ports import Person
from services.students.documents import STUDENTS, Accommodations, StudentStatus
from utils.scope import Scope
from utils.store import Store
from utils.text import key_of


class PersonalStudents:
    """Answers for the students."""

    collections = frozenset({STUDENTS})

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(STUDENTS)

    def of_person(self, scope: Scope, person: Person) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return the record."""
        return {STUDENTS: self._rows.find(scope, {"_id": person.id}, {"terms": 0})}

    def anonymise(self, scope: Scope, person: Person) -> None:
        """Leave campus, batch, courses and times; what names the person is gone, also from searches."""
        names = dict.fromkeys(("name", "roll_number", "username"), person.alias)
        gone: dict[str, Any] = {"email": None, "mobile_number": None, "terms": []}
        gone["accommodations"] = Accommodations().model_dump()
        change = {**names, "name_key": key_of(person.alias), **gone, "status": StudentStatus.DEACTIVATED}
        literal = {name: {"$literal": value} for name, value in change.items()}
        grown = {"revision": {"$add": ["$revision", 1]}, "updated_at": "$$NOW"}
        wanted = {"_id": person.id, "username": {"$ne": person.alias}}
        self._rows.update_one(scope, wanted, [{"$set": literal | grown}])
