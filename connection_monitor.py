"""Knows whether what the server depends on answers, so that nobody waits for what is known to be away.

The drivers reconnect by themselves; nothing here repairs anything.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Final

from services.ports import JSON, Health
from utils.async_processor import AsyncProcessor
from utils.clock import Clock
from utils.supervisor import Supervisor
from utils.tasks import TookTooLong

logger = logging.getLogger(__name__)

WELL_SECONDS: Final = 30.0  # between pings of what answers
TICK_SECONDS: Final = 1.0  # between pings of what does not
FRESH_SECONDS: Final = 2.0
AWAY_SECONDS: Final = 2.0  # a new primary is found sooner: nobody is sent away for that
LOOK_SECONDS: Final = 2.0  # whoever asks for readiness waits no longer
STALE_SECONDS: Final = 10.0  # older news sends nobody away
KINDS: Final = (
    ("refused", "refused"),
    ("timed out", "timeout"),
    ("timeout", "timeout"),
    ("auth", "login"),
    ("closed", "closed"),
    ("reset", "closed"),
)


@dataclass(slots=True)
class Dependency:
    """One thing that the server depends on, and what its last ping said.

    ``failures`` are those in a row, ``failures_total`` all of this process; ``changed_at`` is when it last
    went away or came back, None while it has always been as it is.
    """

    name: str
    ping: Callable[[], object]
    required: bool
    ok: bool = True
    ping_ms: float = 0.0
    failures: int = 0
    failures_total: int = 0
    last_error: str = ""
    changed_at: datetime | None = None
    _pinged: float | None = None  # on the monotonic clock, like the next
    _failing_from: float | None = None
    _suspected: bool = False
    _pinging: Lock = field(default_factory=Lock)

    def due(self, now: float) -> bool:
        """Tell whether it is time for a ping."""
        if self._suspected or not self.ok or self._pinged is None:
            return True
        return now - self._pinged >= WELL_SECONDS

    def suspect(self) -> None:
        """Have it pinged at the next tick."""
        self._suspected = True

    def away(self, now: float) -> bool:
        """Tell whether it has failed for so long that a caller need not try."""
        begun, pinged = self._failing_from, self._pinged
        if begun is None or pinged is None:
            return False
        return now - begun >= AWAY_SECONDS and now - pinged < STALE_SECONDS

    def look(self, clock: Clock, older_than: float = 0.0) -> bool:
        """Ping it, unless somebody else has meanwhile; tell whether it is back with this."""
        with self._pinging:
            if self._pinged is not None and clock.monotonic() - self._pinged < older_than:
                return False
            begun, self._suspected = clock.monotonic(), False
            try:
                self.ping()
            except Exception as error:  # whatever the driver raises: it does not answer
                self._failed(clock, begun, kind(error))
                return False
            return self._answered(clock, begun)

    def health(self) -> Health:
        """Return what people may see: no address, no word of the driver's."""
        extra: dict[str, JSON] = {
            "ping_ms": self.ping_ms,
            "failures": self.failures,
            "failures_total": self.failures_total,
            "last_error": self.last_error,
            "changed_at": self.changed_at.isoformat() if self.changed_at else None,
        }
        return Health(self.name, self.ok, "" if self.ok else "does not answer", extra)

    def _answered(self, clock: Clock, begun: float) -> bool:
        back, self._pinged = not self.ok, clock.monotonic()
        self.ping_ms = round((self._pinged - begun) * 1000, 1)
        self.ok, self.failures, self._failing_from = True, 0, None
        if back:
            self.changed_at = clock.now()
            logger.warning("%s answers again", self.name)
        return back

    def _failed(self, clock: Clock, begun: float, error: str) -> None:
        self._pinged = clock.monotonic()
        self.failures, self.failures_total = self.failures + 1, self.failures_total + 1
        self.last_error = error
        if self.ok:
            self.ok, self.changed_at, self._failing_from = False, clock.now(), begun
            logger.warning("%s does not answer: %s", self.name, error)


class ConnectionMonitor:
    """Pings each dependency every 30 s, every second while it fails, and at once when it is suspected."""

    def __init__(self, clock: Clock, processor: AsyncProcessor) -> None:
        self._clock, self._processor = clock, processor
        self._dependencies: dict[str, Dependency] = {}
        self._back: list[Callable[[], object]] = []
        self._wake: Callable[[], object] = lambda: None

    def watch(self, name: str, ping: Callable[[], object], *, required: bool) -> None:
        """Declare a dependency; ``required`` ones decide readiness. A ping gives up within a second."""
        self._dependencies[name] = Dependency(name, ping, required)

    def when_back(self, call: Callable[[], object]) -> None:
        """Have ``call`` called when something that was away answers again."""
        self._back.append(call)

    def install(self, supervisor: Supervisor) -> None:
        """Declare the loop."""
        self._wake = supervisor.add("ping-dependencies", TICK_SECONDS, self.tick).wake

    def tick(self) -> None:
        """Ping what is due."""
        for dependency in self._dependencies.values():
            if dependency.due(self._clock.monotonic()) and dependency.look(self._clock):
                for call in self._back:
                    call()

    def suspect(self, name: str) -> None:
        """Ping it now, in the background: somebody was not answered."""
        self._dependencies[name].suspect()
        self._wake()

    def away(self, name: str) -> bool:
        """Tell whether it has not answered for two seconds or more, so that nobody should wait for it."""
        return self._dependencies[name].away(self._clock.monotonic())

    def health(self) -> list[Health]:
        """Return the state of each dependency, not older than two seconds; they are asked side by side."""
        looks = {
            name: partial(one.look, self._clock, FRESH_SECONDS) for name, one in self._dependencies.items()
        }
        with suppress(TookTooLong):  # then the last that was seen has to do
            self._processor.parallel(looks, LOOK_SECONDS)
        return self.known()

    def known(self) -> list[Health]:
        """Return the state of each dependency as it was last seen; pings nothing."""
        return [dependency.health() for dependency in self._dependencies.values()]

    def required(self, name: str) -> bool:
        """Tell whether the server cannot do without it."""
        return self._dependencies[name].required


def kind(error: Exception) -> str:
    """Return in one word how something failed; a driver's own words may hold addresses."""
    said = f"{type(error).__name__} {error}".lower()
    return next((word for sign, word in KINDS if sign in said), "fault")
