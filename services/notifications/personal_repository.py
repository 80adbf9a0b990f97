"""What the inbox and the list of dead addresses hold of one person."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.notifications.documents import NOTIFICATIONS, SUPPRESSIONS
from services.ports import Person
from utils.scope import Scope
from utils.store import Store


class PersonalNotifications:
    """Answers for inboxes and suppressions."""

    collections = frozenset({NOTIFICATIONS, SUPPRESSIONS})

    def __init__(self, store: Store) -> None:
        self._inbox, self._suppressions = store.rows(NOTIFICATIONS), store.rows(SUPPRESSIONS)

    def of_person(self, scope: Scope, person: Person) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return what lies in the inbox, and which addresses nothing more is sent to."""
        return {
            NOTIFICATIONS: self._inbox.find(scope, {"user_id": person.id}, {"_id": 0}),
            SUPPRESSIONS: self._suppressions.find(scope, {"recipient_id": person.id}),
        }

    def anonymise(self, scope: Scope, person: Person) -> None:
        """Empty the inbox; a suppression stays to be counted, of no address."""
        self._inbox.delete_many(scope, {"user_id": person.id})
        nowhere = {"$concat": [person.alias, ":", "$_id"]}
        change = {"name": {"$literal": person.alias}, "address": nowhere}
        self._suppressions.update_many(scope, {"recipient_id": person.id}, [{"$set": change}])
