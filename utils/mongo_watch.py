"""What the driver tells of its connections: how many are in use, and that the primary was lost."""

from collections.abc import Callable
from threading import Lock
from typing import Any

from pymongo import monitoring


class MongoWatch(monitoring.ConnectionPoolListener, monitoring.TopologyListener):
    """Counts connections and who waits for one; calls ``lost`` when there is no primary any more.

    A listener that raises is not heard, so nothing here does anything that could.
    """

    def __init__(self, lost: Callable[[], object]) -> None:
        self._lost, self._lock = lost, Lock()
        self._open = self._used = self._waiting = self._failed = 0

    def figures(self) -> dict[str, int]:
        """Return connections that are ``open``, those in use, who waits, and how often nobody got one."""
        with self._lock:
            return {
                "open": self._open,
                "used": self._used,
                "waiting": self._waiting,
                "failed_total": self._failed,
            }

    def connection_created(self, _event: Any) -> None:
        """One more."""
        self._count(opened=1)

    def connection_closed(self, _event: Any) -> None:
        """One less."""
        self._count(opened=-1)

    def connection_check_out_started(self, _event: Any) -> None:
        """Somebody wants one."""
        self._count(waiting=1)

    def connection_checked_out(self, _event: Any) -> None:
        """Somebody got one."""
        self._count(waiting=-1, used=1)

    def connection_check_out_failed(self, _event: Any) -> None:
        """Somebody got none."""
        self._count(waiting=-1, failed=1)

    def connection_checked_in(self, _event: Any) -> None:
        """Somebody gave one back."""
        self._count(used=-1)

    def pool_created(self, _event: Any) -> None:
        """Nothing to count."""

    def pool_ready(self, _event: Any) -> None:
        """Nothing to count."""

    def pool_cleared(self, _event: Any) -> None:
        """Nothing to count."""

    def pool_closed(self, _event: Any) -> None:
        """Nothing to count."""

    def connection_ready(self, _event: Any) -> None:
        """Nothing to count."""

    def opened(self, _event: Any) -> None:
        """Nothing was there yet."""

    def description_changed(self, event: monitoring.TopologyDescriptionChangedEvent) -> None:
        """Tell when the primary is lost."""
        if (
            event.previous_description.has_writable_server()
            and not event.new_description.has_writable_server()
        ):
            self._lost()

    def closed(self, _event: Any) -> None:
        """Closed by ourselves."""

    def _count(self, *, opened: int = 0, used: int = 0, waiting: int = 0, failed: int = 0) -> None:
        with self._lock:
            self._open += opened
            self._used += used
            self._waiting += waiting
            self._failed += failed
