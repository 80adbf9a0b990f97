"""Requests that may be repeated: the reply is saved in the same transaction as the effect."""

from collections.abc import Callable
from dataclasses import dataclass

from pymongo.errors import DuplicateKeyError

from services.idempotency.documents import IdempotencyRecord
from services.idempotency.repository import IdempotencyRepository
from utils.clock import Clock
from utils.problems import Invalid
from utils.store import Store


class IdempotencyKeyReused(Invalid):
    """This ``Idempotency-Key`` belongs to another request of yours. Use a new key for a new request."""

    title = "The idempotency key was used for another request"


@dataclass(frozen=True, slots=True)
class SavedReply:
    """A reply as it left."""

    status: int
    body: bytes
    etag: str | None


class IdempotencyService:
    """Runs keyed work once."""

    def __init__(self, records: IdempotencyRepository, store: Store, clock: Clock) -> None:
        self._records, self._store, self._clock = records, store, clock

    def once(
        self, principal: str, operation: str, key: str, digest: str, work: Callable[[], SavedReply]
    ) -> SavedReply:
        """Return the reply of ``work``, or the one that the same request got before.

        Of two at the same moment one waits for the other's commit; a failed request leaves nothing behind.
        """
        record_id = f"{principal}:{operation}:{key}"

        def attempt() -> SavedReply:
            known = self._records.find(record_id)
            if known is not None:
                return _same(known, digest)
            reply = work()
            record = IdempotencyRecord(
                id=record_id,
                digest=digest,
                status=reply.status,
                body=reply.body,
                etag=reply.etag,
                created_at=self._clock.now(),
            )
            self._records.add(record)
            return reply

        try:
            return self._store.atomically(attempt)
        except DuplicateKeyError:
            known = self._records.find(record_id)
            if known is None:
                raise
            return _same(known, digest)


def _same(known: IdempotencyRecord, digest: str) -> SavedReply:
    if known.digest != digest:
        raise IdempotencyKeyReused.field("Idempotency-Key", "belongs to another request; use a new one")
    return SavedReply(known.status, known.body, known.etag)
