"""What messages tell of one person: to whom they went, over what, and what became of them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.batch_jobs.delivery_repository import DeliveryRepository
from services.batch_jobs.documents import DELIVERIES
from services.ports import Person
from utils.scope import Scope
from utils.store import Store

GONE: Final = "the person's data was removed before the message left"


class PersonalDeliveries:
    """Answers for the messages."""

    collections = frozenset({DELIVERIES})

    def __init__(self, store: Store, deliveries: DeliveryRepository) -> None:
        self._rows, self._deliveries = store.rows(DELIVERIES), deliveries

    def of_person(self, scope: Scope, person: Person) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return the messages with their history; what their links are made of stays here."""
        return {DELIVERIES: self._rows.find(scope, {"recipient_id": person.id}, {"nonce": 0, "unit": 0})}

    def anonymise(self, scope: Scope, person: Person) -> None:
        """Leave state, times and history; keep back what has not left."""
        self._deliveries.skip(scope, [person.id], GONE)
        change: dict[str, Any] = {"name": person.alias, "to": None, "params": {}}
        self._rows.update_many(scope, {"recipient_id": person.id}, {"$set": change})
