"""What attempts hold of one person."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.attempts.documents import ATTEMPT_EVENTS, ATTEMPTS
from services.ports import Person
from utils.scope import Scope
from utils.store import Store

ABOUT: Final = ("test_id", "number", "state", "started_at", "submitted_at", "answers", "gap_seconds", "flags")
EVENT: Final = ("attempt_id", "kind", "slot", "seconds", "at")


class PersonalAttempts:
    """Answers for what somebody answered, and for what their client reported meanwhile."""

    collections = frozenset({ATTEMPTS, ATTEMPT_EVENTS})

    def __init__(self, store: Store) -> None:
        self._attempts, self._events = store.rows(ATTEMPTS), store.rows(ATTEMPT_EVENTS)

    def of_person(self, scope: Scope, person: Person) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return every answer that was saved, and every event."""
        attempts = self._attempts.find(scope, {"student_id": person.id}, dict.fromkeys(ABOUT, 1))
        ids = [row["_id"] for row in attempts]
        events = self._events.find(scope, {"attempt_id": {"$in": ids}}, dict.fromkeys(EVENT, 1))
        return {ATTEMPTS: attempts, ATTEMPT_EVENTS: events}

    def anonymise(self, scope: Scope, person: Person) -> None:
        """Leave that somebody sat, and when; what they wrote may name them, and is gone."""
        self._attempts.update_many(scope, {"student_id": person.id}, {"$set": {"answers": {}}})
