"""The job engine of many machines: Dramatiq over Redis tells workers that there is something to claim.

A message is a bell. It carries the id of a job and nothing else; whoever hears it claims in MongoDB, as with
every engine, and there a duplicate finds nothing. Bells that are lost are rung again, and while Redis is away
workers look into MongoDB by themselves: without bells jobs are late, never lost and never run twice.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from dramatiq import Actor, Message, Worker
from dramatiq.broker import MessageProxy
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.errors import ConnectionClosed
from dramatiq.worker import ConsumerThread, WorkerThread
from redis import Redis
from redis.exceptions import RedisError

from integrations.redis_live import redis_client
from services.jobs.engine import DurableEngine
from services.jobs.repository import JobRepository
from services.ports import Queue
from utils.async_processor import AsyncProcessor
from utils.clock import Clock
from utils.resilient_services import Breaker, BreakerState
from utils.store import Store
from utils.supervisor import Loop, Supervisor

T = TypeVar("T")
logger = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 0.5
MOST_BELLS: Final = 100  # that wait in Redis for one queue: what is left rings when these have been heard
LISTEN_MS: Final = 200  # longest pause between two looks for a bell
PATIENCE: Final = 5.0
GOODBYE_SECONDS: Final = 1.5


class _Listener(_RedisConsumer):
    """A consumer that does not hold up its thread until it has told Redis that a bell was heard."""

    def ack(self, message: MessageProxy) -> None:
        """Take a bell down, or leave it: heard once more, it finds nothing."""
        with suppress(RedisError, ConnectionClosed):
            super().ack(message)  # type: ignore[no-untyped-call]


class _Board(RedisBroker):
    """A broker of our own, without middleware and without delays: nobody has to look for delayed messages."""

    def __init__(self, redis: Redis, namespace: str) -> None:
        super().__init__(client=redis, namespace=namespace, middleware=[])  # type: ignore[no-untyped-call]

    @property
    def consumer_class(self) -> type[_Listener]:
        """What listens."""
        return _Listener

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue; a worker then listens to it."""
        if queue_name not in self.queues:
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)


class Bells:
    """Bells of one installation (``namespace``) in one Redis."""

    def __init__(self, url: str, namespace: str, breaker: Breaker) -> None:
        self._url, self._namespace, self._breaker = url, namespace, breaker
        self._redis = redis_client(url)
        self._board = _Board(self._redis, namespace)
        self._workers: dict[Queue, Worker] = {}

    def ring(self, queue: Queue, keys: Sequence[str]) -> bool:
        """Ring for each of these jobs; False if Redis did not take every bell."""
        return self._asked(lambda: [self._board.enqueue(_bell(queue, key)) for key in keys]) is not None

    def waiting(self, queue: Queue) -> int | None:
        """Return how many bells nobody has heard yet; None where Redis cannot be asked."""
        return self._asked(lambda: int(self._redis.llen(f"{self._namespace}:{queue}")))

    def listen(self, queue: Queue, seats: int, hear: Callable[[str], None]) -> None:
        """Call ``hear`` with the job id of each bell, on ``seats`` threads; see to it that they live."""
        worker = self._workers.get(queue)
        if worker is not None:
            if all(thread.is_alive() for thread in _threads(worker)):
                return
            logger.error("a thread of the queue %s had died; its listeners are started again", queue)
            self._stop(worker, time.monotonic() + GOODBYE_SECONDS)
        board = _Board(redis_client(self._url, read_timeout=PATIENCE), self._namespace)
        Actor(hear, broker=board, actor_name=_actor(queue), queue_name=str(queue), priority=0, options={})
        worker = Worker(board, queues={str(queue)}, worker_threads=seats, worker_timeout=LISTEN_MS)
        worker.queue_prefetch = seats  # a bell that waits behind a long job here is not heard elsewhere
        worker.start()
        self._workers[queue] = worker

    @property
    def silent(self) -> bool:
        """Whether Redis did not answer when it was last asked."""
        return self._breaker.state is not BreakerState.CLOSED

    def stop(self) -> None:
        """Hear nothing more; give back what was fetched and not yet heard. Takes a few seconds at most."""
        for worker in self._workers.values():
            for thread in _threads(worker):
                thread.stop()
        until = time.monotonic() + GOODBYE_SECONDS
        for worker in self._workers.values():
            self._stop(worker, until)
        self._workers.clear()
        self._redis.close()

    def _stop(self, worker: Worker, until: float) -> None:
        with suppress(RedisError):  # they are rung again
            worker.stop(max(100, int((until - time.monotonic()) * 1000)))
        if isinstance(worker.broker, _Board):
            worker.broker.client.close()

    def _asked(self, what: Callable[[], T]) -> T | None:
        if not self._breaker.allow():
            return None
        try:
            answer = what()
        except RedisError as error:
            self._breaker.failed(type(error).__name__)
            return None
        self._breaker.succeeded()
        return answer


class DramatiqEngine(DurableEngine):
    """JobEngine over Dramatiq. A process that was not given seats (``install``) only rings."""

    def __init__(
        self,
        jobs: JobRepository,
        store: Store,
        processor: AsyncProcessor,
        clock: Clock,
        lease_seconds: float,
        bells: Bells,
    ) -> None:
        super().__init__(jobs, store, processor, clock, lease_seconds)
        self._bells = bells
        self._sweepers: dict[Queue, Loop] = {}
        self._deaf: set[Queue] = set()  # no bell was heard since the last sweep

    def announce(self, queue: Queue, keys: Sequence[str], /) -> None:
        """Ring for new jobs; for those of a large heap the sweepers ring in time."""
        self._bells.ring(queue, keys[:MOST_BELLS])

    def wake(self, queue: Queue) -> None:
        """Ring for what is due now."""
        if loop := self._sweepers.get(queue):
            loop.wake()

    def seat_is_free(self, queue: Queue) -> None:
        """Look for work where there are no bells; otherwise the next one waits already."""
        if self._bells.silent:
            self.wake(queue)

    def watch(self, supervisor: Supervisor) -> None:
        """Declare one sweeper per queue."""
        for queue in self._seats:
            sweep = partial(self._sweep, queue)
            self._sweepers[queue] = supervisor.add(f"ring-{queue}", SWEEP_SECONDS, sweep)

    def drain(self, timeout: float) -> int:
        """Hear and claim nothing more and wait for what runs."""
        self._stopping.set()
        until = self._clock.monotonic() + timeout
        late = self._leases.wait(timeout)
        self._bells.stop()
        self._processor.drain(max(0.0, until - self._clock.monotonic()))
        return late

    def _sweep(self, queue: Queue) -> None:
        """Keep as many bells waiting as jobs are due; without Redis, or deaf, look for work ourselves."""
        if self.idle():
            return
        self._bells.listen(queue, self._seats[queue], partial(self._hear, queue))
        bells = self._bells.waiting(queue)
        if bells is None or (bells and queue in self._deaf):
            self.poll(queue)
        elif bells < MOST_BELLS:
            due = self._claims.look(queue, MOST_BELLS)
            self._bells.ring(queue, due[bells:])
        self._deaf.add(queue)

    def _hear(self, queue: Queue, job_id: str) -> None:
        """Claim one job: the one that was rung for, or another whose turn it is, which then rang for us."""
        self._deaf.discard(queue)
        try:
            while self.free_seats(queue) > 0:
                jobs = self._claims.claim(queue, 1, rung=job_id)
                if jobs is None:
                    return
                if jobs:
                    self.work(jobs[0])
                    return
        except Exception:
            logger.exception("a bell of the queue %s was heard in vain; it is rung again", queue)


def _threads(worker: Worker) -> Sequence[WorkerThread | ConsumerThread]:
    return [*worker.workers, *worker.consumers.values()]


def _actor(queue: Queue) -> str:
    return f"claim-{queue}"


def _bell(queue: Queue, key: str) -> "Message[None]":
    return Message(queue_name=str(queue), actor_name=_actor(queue), args=(key,), kwargs={}, options={})
