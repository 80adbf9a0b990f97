"""What whoever sits an attempt sees of it."""

from services.assessments.arrangement import arranged
from services.assessments.documents import Assessment
from services.attempts.ground import Ground, closed
from services.attempts.plays import played
from services.attempts.repository import Now
from services.attempts.schemas import AttemptOut, PaperOut, PlayedOut, SavedAnswer, stored_of


def shown(ground: Ground, now: Now, test: Assessment, *, found: bool = False) -> AttemptOut:
    """Return an attempt with its paper in its own order; a closed one without. ``found``: it was there."""
    attempt = now.attempt
    paper, plays = PaperOut(sections=[]), list[PlayedOut]()
    if not closed(now):
        sheet = ground.sheet(attempt.campus_id, attempt.test_id)
        plays = played(sheet, attempt)
        paper.sections = arranged(
            sheet.sections,
            attempt.seed,
            shuffle_questions=test.shuffle_questions,
            shuffle_options=test.shuffle_options,
        )
    at = attempt.submitted_at or now.server_time
    return AttemptOut(
        id=attempt.id,
        test_id=attempt.test_id,
        number=attempt.number,
        state=attempt.state,
        started_at=attempt.started_at,
        deadline=attempt.deadline_at,
        server_time=now.server_time,
        submitted_at=attempt.submitted_at,
        paper=paper,
        saved=[
            SavedAnswer(slot=slot, seq=one.seq, response=one.response)
            for slot, one in attempt.answers.items()
        ],
        plays=plays,
        receipt=ground.receipts.give_whole(attempt.id, at, stored_of(attempt)),
    ).noted(found=found)
