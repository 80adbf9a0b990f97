"""Whether a test is open: it follows from what is stored and the time, and is never stored itself."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from services.assessments.documents import Assessment, AssessmentState

WHOLE: Final = 100  # per cent


class Phase(StrEnum):
    """The state of a test as people see it. ``published``: its window has not begun."""

    DRAFT = "draft"
    PUBLISHED = "published"
    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    ARCHIVED = "archived"


def phase_of(test: Assessment, now: datetime, time_percent: int = WHOLE) -> Phase:
    """Return the phase that a test is in at a time of the database; without a window it is always open.

    For somebody with a factor of time it is open for longer.
    """
    if test.state is not AssessmentState.PUBLISHED:
        return Phase(test.state)
    if test.window_start_at is not None and now < test.window_start_at:
        return Phase.PUBLISHED
    end = end_for(test, time_percent)
    return Phase.CLOSED if end is not None and now >= end else Phase.OPEN


def end_for(test: Assessment, time_percent: int) -> datetime | None:
    """Return when a test's window ends for somebody with this factor; None where it has no window."""
    if test.window_end_at is None:
        return None
    return window_end(test.window_end_at, test.duration_minutes * 60, time_percent)


def window_end(window_end_at: datetime, duration_seconds: int, time_percent: int = WHOLE) -> datetime:
    """Return when a window ends for somebody with this factor: later by what the duration grows."""
    longer = duration_seconds * (time_percent - WHOLE) * 1000 // WHOLE
    return window_end_at + timedelta(milliseconds=longer)
