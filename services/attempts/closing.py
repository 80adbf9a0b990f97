"""How attempts end: submitted, or closed by the server; scored in the same transaction."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

from pymongo.errors import PyMongoError

from models import Actor
from services.assessments.documents import Assessment
from services.attempts.documents import Attempt, AttemptState, ClosedBy
from services.attempts.ground import Ground, closed, own
from services.attempts.schemas import SubmitOut, stored_of
from services.results.documents import AttemptResult
from services.results.schemas import ResultOut
from services.results.scorer import Sitting
from services.results.service import AttemptScoring
from utils.documents import new_id
from utils.scope import Scope
from utils.store import Store
from utils.together import Together

logger = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 1.0
CHUNK: Final = 50
LEASE_SECONDS: Final = 30
LANES: Final = 8  # submits at once in a process: the others wait in the order in which they came


class Settled(NamedTuple):
    """An attempt that has just been closed, and what it earned."""

    attempt: Attempt
    result: AttemptResult


Turn: TypeAlias = Callable[[], Settled | None]


class AttemptClosing:
    """Closes attempts: each once, whoever and however many try."""

    def __init__(self, ground: Ground, store: Store, scoring: AttemptScoring) -> None:
        self._ground, self._store, self._scoring = ground, store, scoring
        self._turns: Together[Turn, Settled | None] = Together(_each, LANES, most=1)

    def submit(self, attempt_id: str, actor: Actor) -> SubmitOut:
        """Close an attempt for good. Repeated, or once the server has closed it, it says the same again."""
        scope, session_id = own(actor), actor.session_id
        test = self._ground.frozen(actor.campus_id, self._ground.test_id(scope, attempt_id))

        def close() -> Settled | None:
            return self._settled(test, lambda: self._ground.attempts.submit(scope, attempt_id, session_id))

        if (done := self._turns.make(close)) is not None:
            return self._shown(done.attempt, self._scoring.seen(done.result))
        attempt = self._closed_already(scope, attempt_id, session_id)
        return self._shown(attempt, self._scoring.shown(scope, attempt_id))

    def close(self, attempt: Attempt, by: ClosedBy) -> Attempt | None:
        """Close an open attempt, by ``DEADLINE`` only where its time is over; None where it is not."""
        scope = Scope.campus(attempt.campus_id)
        test = self._ground.frozen(attempt.campus_id, attempt.test_id)
        done = self._settled(test, lambda: self._ground.attempts.close(scope, attempt.id, by))
        return done.attempt if done else None

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

    def _settled(self, test: Assessment, take: Callable[[], Attempt | None]) -> Settled | None:
        """Close an attempt and score it, both or neither."""
        self._scoring.ready(test)

        def work() -> Settled | None:
            attempt = take()
            return Settled(attempt, self._scoring.settle(test, _sitting(attempt))) if attempt else None

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

    def _shown(self, attempt: Attempt, result: ResultOut | None) -> SubmitOut:
        at = _end(attempt)
        return SubmitOut(
            state=attempt.state,
            submitted_at=at,
            receipt=self._ground.receipts.give_whole(attempt.id, at, stored_of(attempt)),
            result=result,
        )


def _each(turns: Sequence[Turn]) -> list[Settled | None]:
    return [turn() for turn in turns]


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
