"""Socket.IO events between processes, over Redis; after an outage it listens again within half a second."""

import logging
import time
from collections.abc import Iterator
from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from socketio.pubsub_manager import PubSubManager

logger = logging.getLogger(__name__)

PATIENCE: Final = 0.1
AGAIN_AFTER: Final = 0.5


def redis_client(url: str, *, read_timeout: float | None = PATIENCE) -> Redis:
    """Return a client that gives up after a tenth of a second instead of holding its caller."""
    client: Redis = Redis.from_url(
        url,
        socket_connect_timeout=PATIENCE,
        socket_timeout=read_timeout,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=15,
    )
    return client


class RedisLive(PubSubManager):  # type: ignore[misc]  # python-socketio carries no types
    """The client manager of python-socketio over Redis publish and subscribe."""

    name = "redis-live"

    def __init__(self, url: str) -> None:
        super().__init__(channel="versant-live")
        self._publisher = redis_client(url)
        self._listener = redis_client(url, read_timeout=5.0)
        self._reachable = True

    def _publish(self, data: Any) -> None:
        try:
            self._publisher.publish(self.channel, self.json.dumps(data))
            self._note(True)
        except RedisError:
            self._note(False)

    def _listen(self) -> Iterator[Any]:
        while True:
            try:
                with self._listener.pubsub(ignore_subscribe_messages=True) as subscription:  # type: ignore[no-untyped-call]
                    subscription.subscribe(self.channel)
                    while True:
                        message = subscription.get_message(timeout=1.0)
                        if message is not None and message["type"] == "message":
                            yield message["data"]
            except (RedisError, OSError):
                self._note(False)
                time.sleep(AGAIN_AFTER)

    def _note(self, reachable: bool) -> None:
        """Log the change, not every failure."""
        if reachable != self._reachable:
            self._reachable = reachable
            logger.log(
                logging.INFO if reachable else logging.WARNING, "live events over Redis: %s", reachable
            )
