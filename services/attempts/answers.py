"""What comes from a client during an attempt: answers, and signs that it is there."""

from collections.abc import Sequence
from typing import Final

from models import Actor
from services.attempts.documents import AttemptEvent
from services.attempts.ground import Ground, own
from services.attempts.problems import SequenceReused
from services.attempts.receipts import Stored, digest_of
from services.attempts.recordings import Recordings
from services.attempts.repository import Answer, Kept, Now
from services.attempts.schemas import (
    AnswersPut,
    EventsIn,
    EventsOut,
    SavedOut,
    SlotAnswer,
    acks_of,
)
from services.attempts.sheets import Sheet
from utils.problems import Invalid
from utils.store import Store

MOST_EVENTS_KEPT: Final = 1_000  # of one attempt


class AnswerService:
    """Saves answers durably, in one command where the attempt is known here, and records events."""

    def __init__(self, ground: Ground, store: Store, recordings: Recordings) -> None:
        self._ground, self._store, self._recordings = ground, store, recordings

    def save(self, attempt_id: str, wanted: AnswersPut, actor: Actor) -> SavedOut:
        """Keep what is newer than what is there. What is acknowledged is on disk on a majority of members."""
        scope = own(actor)
        sheet = self._ground.sheet(actor.campus_id, self._ground.test_id(scope, attempt_id))
        answers = [_checked(sheet, number, one) for number, one in enumerate(wanted.answers)]
        self._recordings.accept(attempt_id, sheet, wanted.answers, actor)
        kept = self._ground.saves.save(scope, attempt_id, actor.session_id, answers)
        if kept is None:
            raise self._ground.refusal(scope, attempt_id, actor.session_id)
        if reused := _reused(answers, kept):
            raise SequenceReused(stored=[{"slot": one, "seq": kept.newest[one][0]} for one in reused])
        stored = [Stored(slot, seq, digest) for slot, (seq, digest) in kept.newest.items()]
        return SavedOut(
            acks=acks_of(kept),
            server_time=kept.server_time,
            deadline=kept.deadline,
            receipt=self._ground.receipts.give(attempt_id, kept.server_time, stored),
        )

    def report(self, attempt_id: str, wanted: EventsIn, actor: Actor) -> EventsOut:
        """Record events with the server's time, as many as an attempt keeps; and that the client is there."""
        scope = own(actor)

        def work() -> tuple[Now, int] | None:
            flags = len(wanted.events)
            now = self._ground.attempts.report(scope, attempt_id, actor.session_id, flags)
            if now is None:
                return None
            room = MOST_EVENTS_KEPT - (now.attempt.flags - flags)
            events = _events(now, wanted)[: max(0, room)]
            self._ground.attempts.add_events(scope, events)
            return now, len(events)

        done = self._store.atomically(work) if wanted.events else work()
        if done is None:
            raise self._ground.refusal(scope, attempt_id, actor.session_id)
        now, recorded = done
        return EventsOut(recorded=recorded, server_time=now.server_time, deadline=now.attempt.deadline_at)


def _checked(sheet: Sheet, number: int, sent: SlotAnswer) -> Answer:
    slot = sheet.slots.get(sent.slot)
    if slot is None:
        raise Invalid.field(f"answers/{number}/slot", "is no slot of this test")
    slot.accept(sent.response, f"/answers/{number}/response")
    return Answer(sent.slot, sent.seq, sent.response, digest_of(sent.response))


def _reused(answers: Sequence[Answer], kept: Kept) -> list[str]:
    """Return the slots in which another answer lies under the number that was sent."""
    return [
        one.slot
        for one in answers
        if kept.newest[one.slot][0] == one.seq and kept.newest[one.slot][1] != one.digest
    ]


def _events(now: Now, wanted: EventsIn) -> list[AttemptEvent]:
    attempt = now.attempt
    return [
        AttemptEvent(
            campus_id=attempt.campus_id,
            course_ids=attempt.course_ids,
            attempt_id=attempt.id,
            test_id=attempt.test_id,
            student_id=attempt.student_id,
            kind=one.kind,
            seconds=one.seconds,
            slot=one.slot,
            at=now.server_time,
        )
        for one in wanted.events
    ]
