"""Whether a test is open: it follows from what is stored and the time, and is never stored itself."""

from datetime import datetime
from enum import StrEnum

from services.assessments.documents import Assessment, AssessmentState


class Phase(StrEnum):
    """The state of a test as people see it. ``published``: its window has not begun."""

    DRAFT = "draft"
    PUBLISHED = "published"
    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    ARCHIVED = "archived"


def phase_of(test: Assessment, now: datetime) -> Phase:
    """Return the phase that a test is in at a time of the database; without a window it is always open."""
    if test.state is not AssessmentState.PUBLISHED:
        return Phase(test.state)
    if test.window_start_at is not None and now < test.window_start_at:
        return Phase.PUBLISHED
    if test.window_end_at is not None and now >= test.window_end_at:
        return Phase.CLOSED
    return Phase.OPEN
