"""The bus between processes, over Redis: it is heard again within half a second of Redis's return.

Two supervised loops carry it. ``bus-send`` empties a bounded queue, so that nobody who publishes waits for
Redis. ``bus-listen`` holds one subscription, pings over it, and takes a silence for deafness: a Redis that
stands still keeps its connections open.
"""

import json
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from redis.client import PubSub
from redis.exceptions import RedisError

from integrations.memory import MemoryBus
from integrations.redis_live import redis_client
from services.ports import JSON
from utils.clock import Clock
from utils.documents import new_id
from utils.supervisor import Loop, Supervisor

logger = logging.getLogger(__name__)

CHANNEL: Final = "versant-bus"
MOST_WAITING: Final = 10_000
PING_SECONDS: Final = 0.4
DEAF_AFTER: Final = 1.0  # seconds without a word, an answer to a ping included
AGAIN_AFTER: Final = 0.2
LISTEN_SECONDS: Final = 0.2
SEND_AGAIN: Final = 0.2
PACKED: Final = TypeAdapter(tuple[str, str, dict[str, Any]])  # who says it, its topic, what is said
A_GAP: Final = ""  # the topic under which a sender says that it has lost messages


class RedisBus:
    """A Bus of all processes on one Redis. Whoever publishes hears it too, with or without Redis."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._here, self._clock, self._name = MemoryBus(), clock, new_id()
        self._client = redis_client(url)
        self._waiting: deque[str] = deque()
        self._subscription: PubSub | None = None
        self._hears, self._has_heard, self._lost = False, False, False
        self._heard_at = self._pinged_at = clock.monotonic()
        self._counts = {"sent": 0, "heard": 0, "lost": 0, "gaps": 0}
        self._sender: Loop | None = None

    def install(self, supervisor: Supervisor) -> None:
        """Declare the two loops."""
        self._sender = supervisor.add("bus-send", SEND_AGAIN, self.send)
        supervisor.add("bus-listen", 0.001, self.listen)

    def publish(self, topic: str, payload: Mapping[str, JSON]) -> None:
        """Tell this process now and the others as soon as Redis takes it; never blocks, never raises."""
        self._here.publish(topic, payload)
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(self._packed(topic, payload))
        else:
            self._lose(1)
        if self._sender is not None:
            self._sender.wake()

    def subscribe(self, topic: str, hear: Callable[[Mapping[str, JSON]], None]) -> None:
        """Call ``hear`` with whatever any process publishes under ``topic``, on a thread of the bus."""
        self._here.subscribe(topic, hear)

    def on_gap(self, call: Callable[[], None]) -> None:
        """Call ``call`` when this process hears again after it may have missed something."""
        self._here.on_gap(call)

    def status(self) -> Mapping[str, JSON]:
        """Return the state for people: whether it hears, and for how many seconds it has heard nothing."""
        silent = round(self._clock.monotonic() - self._heard_at, 3)
        return {"kind": "redis", "hears": self._hears, "silent_s": silent, **self._counts}

    def send(self) -> None:
        """Hand over what waits. What Redis does not take is lost; all are told so once it is back."""
        try:
            if self._lost:
                self._client.publish(CHANNEL, self._packed(A_GAP, {}))
                self._lost = False
            while self._waiting:
                self._client.publish(CHANNEL, self._waiting[0])
                self._waiting.popleft()
                self._counts["sent"] += 1
        except (RedisError, OSError):
            self._lose(len(self._waiting))
            self._waiting.clear()

    def listen(self) -> None:
        """Hear what comes within a moment; subscribe anew where the connection is gone or silent."""
        try:
            subscription = self._subscription or self._subscribe()
            self._hear(subscription.get_message(timeout=LISTEN_SECONDS))
            while (message := subscription.get_message(timeout=0.0)) is not None:
                self._hear(message)
            self._ping(subscription)
        except (RedisError, OSError):
            self._deaf()
            time.sleep(AGAIN_AFTER)

    def _packed(self, topic: str, payload: Mapping[str, JSON]) -> str:
        return json.dumps([self._name, topic, payload])

    def _lose(self, messages: int) -> None:
        if messages:
            self._lost = True
            self._counts["lost"] += messages

    def _subscribe(self) -> PubSub:
        subscription: PubSub = self._client.pubsub()  # type: ignore[no-untyped-call]
        subscription.subscribe(CHANNEL)
        self._subscription, self._heard_at = subscription, self._clock.monotonic()
        return subscription

    def _hear(self, message: Mapping[str, Any] | None) -> None:
        if message is None:
            return
        self._heard_at = self._clock.monotonic()
        if message["type"] == "subscribe":
            self._hears_again()
        elif message["type"] == "message":
            self._deliver(message["data"])

    def _deliver(self, packed: bytes) -> None:
        try:
            sender, topic, payload = PACKED.validate_json(packed)
        except ValidationError:
            return  # not a word of ours
        if sender == self._name:
            return
        self._counts["heard"] += 1
        if topic == A_GAP:
            self._gap()
        else:
            self._here.publish(topic, payload)

    def _ping(self, subscription: PubSub) -> None:
        now = self._clock.monotonic()
        if now - self._heard_at > DEAF_AFTER:
            raise TimeoutError
        if now - self._pinged_at > PING_SECONDS:
            self._pinged_at = now
            subscription.ping()

    def _hears_again(self) -> None:
        self._hears = True
        if self._has_heard:
            logger.info("the bus hears again")
            self._gap()
        self._has_heard = True

    def _gap(self) -> None:
        self._counts["gaps"] += 1
        self._here.gap()

    def _deaf(self) -> None:
        if self._hears:
            logger.warning("the bus hears nothing")
        self._hears = False
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None
