"""An attempt that has begun: shown, moved to another session of the same student, proven by receipts."""

from typing import Final

from pydantic import BaseModel

from models import Actor
from services.attempts.documents import Attempt
from services.attempts.ground import Ground, closed, own
from services.attempts.problems import AttemptHeldElsewhere
from services.attempts.receipts import whole_of
from services.attempts.repository import Now
from services.attempts.schemas import AttemptOut, DigestOut, ReceiptOut, ReceiptQuery, checked, stored_of
from services.attempts.showing import shown
from services.audit.service import AuditService
from services.notifications.inbox import own_room
from services.ports import ProgressFeed
from utils.store import Store

TAKEN_OVER: Final = "attempt:taken_over"


class TakenOver(BaseModel):
    """The payload of ``attempt:taken_over``: the session that held the attempt can save no more."""

    attempt_id: str


class AttemptService:
    """Shows attempts to whoever sits them: while one is open, only in the session that holds it."""

    def __init__(self, ground: Ground, store: Store, audit: AuditService, feed: ProgressFeed) -> None:
        self._ground, self._store, self._audit, self._feed = ground, store, audit, feed

    def get(self, attempt_id: str, actor: Actor) -> AttemptOut:
        """Return an own attempt with what is saved of it; its paper as long as it is open."""
        now = self._ground.found(own(actor), attempt_id)
        if not closed(now) and now.attempt.session_id != actor.session_id:
            raise AttemptHeldElsewhere(attempt_id=attempt_id)
        return self._shown(now)

    def take_over(self, attempt_id: str, actor: Actor) -> AttemptOut:
        """Let this session go on with an own attempt; the one that held it is told, and can save no more."""
        scope = own(actor)

        def work() -> Now | None:
            held = self._ground.found(scope, attempt_id).attempt
            taken = self._ground.attempts.take_over(scope, attempt_id, actor.session_id)
            if taken is not None and held.session_id != actor.session_id:
                self._note(held, actor)
            return taken

        taken = self._store.atomically(work)
        if taken is None:
            raise self._ground.refusal(scope, attempt_id, actor.session_id)
        return self._shown(taken)

    def receipt(self, attempt_id: str, query: ReceiptQuery, actor: Actor) -> ReceiptOut:
        """Return what is stored of an own attempt, proven; and what a given receipt is worth."""
        attempt, server_time = self._ground.found(own(actor), attempt_id)
        receipts, stored = self._ground.receipts, stored_of(attempt)
        given = None
        if query.receipt is not None:
            given = checked(receipts.read(attempt_id, query.receipt), attempt, whole_of(stored))
        return ReceiptOut(
            attempt_id=attempt_id,
            state=attempt.state,
            server_time=server_time,
            key_id=receipts.key_id,
            receipt=receipts.give_whole(attempt_id, attempt.submitted_at or server_time, stored),
            answers=[DigestOut(slot=one.slot, seq=one.seq, digest=one.digest) for one in stored],
            checked=given,
        )

    def _note(self, held: Attempt, actor: Actor) -> None:
        self._audit.record(
            "attempt.taken_over",
            actor_id=actor.id,
            campus_id=held.campus_id,
            target=f"attempt:{held.id}",
            test_id=held.test_id,
        )
        told = TakenOver(attempt_id=held.id)
        self._store.after_commit(lambda: self._feed.publish(own_room(actor.id), TAKEN_OVER, told))

    def _shown(self, now: Now) -> AttemptOut:
        test = self._ground.test(now.attempt.campus_id, now.attempt.test_id)
        return shown(self._ground, now, test)
