"""How attempts end: submitted, or closed by the server; scored in the same transaction."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from pymongo.errors import PyMongoError

from models import Actor
from services.assessments.documents import Assessment
from services.attempts.documents import Attempt, AttemptState, ClosedBy
from services.attempts.ground import Ground, closed, own
from services.attempts.schemas import SubmitOut, stored_of
from services.results.scorer import Sitting
from services.results.service import AttemptScoring
from utils.documents import new_id
from utils.scope import Scope
from utils.store import Store

logger = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 1.0
CHUNK: Final = 50
LEASE_SECONDS: Final = 30
PATIENCE: Final = 20.0


class AttemptClosing:
    """Closes attempts: each once, whoever and however many try."""

    def __init__(self, ground: Ground, store: Store, scoring: AttemptScoring) -> None:
        self._ground, self._store, self._scoring = ground, store, scoring

    def submit(self, attempt_id: str, actor: Actor) -> SubmitOut:
        """Close an attempt for good. Repeated, or once the server has closed it, it says the same again."""
        scope = own(actor)
        test = self._ground.test(actor.campus_id, self._ground.test_id(scope, attempt_id))
        attempt = self._settled(
            test, lambda: self._ground.attempts.submit(scope, attempt_id, actor.session_id)
        )
        return self._shown(scope, attempt or self._closed_already(scope, attempt_id, actor.session_id))

    def close(self, attempt: Attempt, by: ClosedBy) -> Attempt | None:
        """Close an open attempt, by ``DEADLINE`` only where its time is over; None where it is not."""
        scope, test = Scope.campus(attempt.campus_id), self._ground.test(attempt.campus_id, attempt.test_id)
        return self._settled(test, lambda: self._ground.attempts.close(scope, attempt.id, by))

    def tick(self) -> int:
        """Close what nobody submitted in time; return how many attempts that were."""
        total = 0
        while waiting := self._ground.attempts.overdue(CHUNK):
            claimed = self._ground.attempts.claim(waiting, new_id(), LEASE_SECONDS)
            total += sum(self._swept(attempt) for attempt in claimed)
            if not claimed:
                break  # another process is at it
        return total

    def _swept(self, attempt: Attempt) -> bool:
        """Close one attempt; what cannot be scored holds up no other, and is tried again later."""
        try:
            return self.close(attempt, ClosedBy.DEADLINE) is not None
        except PyMongoError:
            raise
        except Exception:
            logger.exception("attempt %s could not be closed", attempt.id)
            return False

    def _settled(self, test: Assessment, take: Callable[[], Attempt | None]) -> Attempt | None:
        """Close an attempt and score it, both or neither."""
        self._scoring.ready(test)

        def work() -> Attempt | None:
            attempt = take()
            if attempt is not None:
                self._scoring.settle(test, _sitting(attempt))
            return attempt

        return self._store.atomically(work)

    def _closed_already(self, scope: Scope, attempt_id: str, session_id: str) -> Attempt:
        """Return the attempt if it is closed, or its time over; raise for why else it was not submitted."""
        now = self._ground.found(scope, attempt_id)
        if now.attempt.state is AttemptState.SUBMITTED:
            return now.attempt
        if closed(now):
            self.close(now.attempt, ClosedBy.DEADLINE)  # or the sweeper has, meanwhile
            return self._ground.found(scope, attempt_id).attempt
        raise self._ground.refusal(scope, attempt_id, session_id)

    def _shown(self, scope: Scope, attempt: Attempt) -> SubmitOut:
        at = _end(attempt)
        return SubmitOut(
            state=attempt.state,
            submitted_at=at,
            receipt=self._ground.receipts.give_whole(attempt.id, at, stored_of(attempt)),
            result=self._scoring.shown(scope, attempt.id),
        )


def _end(attempt: Attempt) -> datetime:
    """Return when a closed attempt was closed."""
    return attempt.submitted_at or attempt.deadline_at


def _sitting(attempt: Attempt) -> Sitting:
    return Sitting(
        attempt_id=attempt.id,
        batch_id=attempt.batch_id,
        student_id=attempt.student_id,
        number=attempt.number,
        submitted_at=_end(attempt),
        responses={slot: saved.response for slot, saved in attempt.answers.items()},
    )
