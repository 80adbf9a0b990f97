"""The time, as an argument."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time. What decides (leases, deadlines, throttles) uses MongoDB's clock instead."""

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC, in whole milliseconds (what MongoDB keeps)."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""


class SystemClock:
    """This machine's clock."""

    def now(self) -> datetime:
        """Return the time of day."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic()


def written(at: datetime) -> str:
    """Return a time as replies write it: UTC, with a ``Z``."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
