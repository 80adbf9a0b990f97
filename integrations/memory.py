"""What stands in for Redis where one process is all there is."""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping

from services.ports import JSON

logger = logging.getLogger(__name__)


class MemoryBus:
    """A Bus of one process: whoever publishes tells everybody at once. It is never deaf."""

    def __init__(self) -> None:
        self._hearers: dict[str, list[Callable[[Mapping[str, JSON]], None]]] = defaultdict(list)
        self._gap_hearers: list[Callable[[], None]] = []

    def publish(self, topic: str, payload: Mapping[str, JSON]) -> None:
        """Tell everybody who has subscribed; what one of them raises is logged and stops nobody."""
        for hear in tuple(self._hearers.get(topic, ())):
            try:
                hear(payload)
            except Exception:
                logger.exception("whoever hears %s failed", topic)

    def subscribe(self, topic: str, hear: Callable[[Mapping[str, JSON]], None]) -> None:
        """Call ``hear`` with whatever is published under ``topic``."""
        self._hearers[topic].append(hear)

    def on_gap(self, call: Callable[[], None]) -> None:
        """Remember whom to tell of a gap; by itself it has none."""
        self._gap_hearers.append(call)

    def gap(self) -> None:
        """Tell everybody that something may have been missed."""
        for call in tuple(self._gap_hearers):
            try:
                call()
            except Exception:
                logger.exception("whoever hears of a gap failed")

    def status(self) -> Mapping[str, JSON]:
        """Return the state for people."""
        return {"kind": "memory", "hears": True}
