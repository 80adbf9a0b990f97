"""What files hold of one person: what they said in attempts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.files.documents import FILES
from services.ports import Person
from utils.scope import Scope
from utils.store import Store

ABOUT: Final = ("attempt_id", "slot", "content_type", "size", "state", "created_at")


class PersonalRecordings:
    """Answers for recordings."""

    collections = frozenset({FILES})

    def __init__(self, store: Store) -> None:
        self._files = store.rows(FILES)

    def of_person(self, scope: Scope, person: Person) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return which recordings there are; their bytes are behind links that only their student gets."""
        own = {"student_id": person.id}
        return {FILES: self._files.find(scope, own, dict.fromkeys(ABOUT, 1))}

    def anonymise(self, scope: Scope, person: Person) -> None:
        """Forget them: a voice is somebody's. Bytes of which no file knows are swept within the day."""
        self._files.delete_many(scope, {"student_id": person.id})
