"""The ``idempotency_keys`` collection."""

from services.idempotency.documents import IDEMPOTENCY, IdempotencyRecord
from utils.store import PLATFORM, Store


class IdempotencyRepository:
    """Keeps the first reply to every keyed request for two days."""

    def __init__(self, store: Store) -> None:
        self._records = store.system(IDEMPOTENCY)

    def find(self, record_id: str) -> IdempotencyRecord | None:
        """Return what is remembered."""
        row = self._records.find_one(PLATFORM, {"_id": record_id})
        return IdempotencyRecord.from_mongo(row) if row else None

    def add(self, record: IdempotencyRecord) -> None:
        """Remember a reply; a second record of one id raises DuplicateKeyError."""
        self._records.insert(PLATFORM, record.to_mongo())
