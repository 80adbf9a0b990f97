"""When an attempt ends: one rule, as a function and as what MongoDB works out in an update."""

from datetime import datetime, timedelta
from typing import Any, Final

from services.assessments.phases import WHOLE, window_end
from services.attempts.documents import GRACE_SECONDS

_MS: Final = 1000


def deadline(
    started_at: datetime,
    *,
    duration_seconds: int,
    time_percent: int = WHOLE,
    granted_seconds: int = 0,
    window_end_at: datetime | None = None,
) -> datetime:
    """Return when an attempt ends: its own time is over, or its window is, whatever comes first.

    An accommodation's factor stretches both, and so does every second that was granted.
    """
    granted = timedelta(seconds=granted_seconds)
    own = started_at + timedelta(milliseconds=duration_seconds * time_percent * _MS // WHOLE)
    if window_end_at is None:
        return own + granted
    return min(own, window_end(window_end_at, duration_seconds, time_percent)) + granted


_OWN: Final = {"$add": ["$started_at", {"$multiply": ["$duration_seconds", "$time_percent", _MS // WHOLE]}]}
_LONGER: Final = {"$multiply": ["$duration_seconds", {"$subtract": ["$time_percent", WHOLE]}, _MS // WHOLE]}
# The same as an expression over an attempt's own fields; ``$min`` takes no notice of a window that is null.
DEADLINE: Final[dict[str, Any]] = {
    "$add": [
        {"$min": [_OWN, {"$add": ["$window_end_at", _LONGER]}]},
        {"$multiply": ["$granted_seconds", _MS]},
    ]
}
# A stage that puts the deadline of each attempt right, after another that changed what it follows from.
RECKONED: Final[dict[str, Any]] = {"$set": {"deadline_at": DEADLINE}}

_LAST_MOMENT: Final = {"$add": ["$deadline_at", GRACE_SECONDS * _MS]}
# What filters by mongod's clock: what is sent may still count, or certainly does not any more.
IN_TIME: Final[dict[str, Any]] = {"$expr": {"$lte": ["$$NOW", _LAST_MOMENT]}}
OVERDUE: Final[dict[str, Any]] = {
    "$expr": {"$lt": ["$deadline_at", {"$subtract": ["$$NOW", GRACE_SECONDS * _MS]}]}
}


def over(deadline_at: datetime, server_time: datetime) -> bool:
    """Tell whether nothing that is sent counts any more."""
    return server_time > deadline_at + timedelta(seconds=GRACE_SECONDS)
