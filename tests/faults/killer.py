"""Kills whoever is named in an order, each at a random moment at which there is work to lose."""

import signal
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from threading import Event, Thread
from typing import Final

from tests.faults.evidence import Strike, Victim
from tests.faults.product import Product, kill

PHASES: Final = ("import", "job")
PAUSE: Final = (0.0, 0.6)  # seconds after a phase was seen to go on, drawn evenly
PHASE_SECONDS: Final = 6.0
STOPPED: Final = (2.8, 3.8)  # seconds that a worker stands still: longer than its lease
SIGNALS: Final = {
    Victim.ASKED: signal.SIGTERM,
    Victim.ASKED_WORKER: signal.SIGTERM,
    Victim.RELOADED: signal.SIGHUP,
}
STANDING: Final = (Victim.PAUSED, Victim.MONGOD_PAUSED, Victim.REDIS_PAUSED)
READER_SECONDS: Final = 5.0
AWAIT_SECONDS: Final = 60.0


class Killer(Thread):
    """A thread with a list. ``doing`` says what is going on; empty where there is nothing to disturb.

    Each strike waits for one of ``phases``, chosen by chance.
    """

    def __init__(
        self,
        product: Product,
        order: Sequence[Victim],
        random: Random,
        doing: Callable[[], str],
        pause: tuple[float, float] = PAUSE,
        phases: Sequence[str] = PHASES,
    ) -> None:
        super().__init__(name="killer", daemon=True)
        self._product, self._order, self._random, self._doing = product, order, random, doing
        self._pause, self._phases = pause, phases
        self.strikes: list[Strike] = []
        self.failure: BaseException | None = None
        self._told_to_stop = Event()

    def run(self) -> None:
        """Go through the list."""
        try:
            for victim in self._order:
                self._wait_for_work(self._random.choice(self._phases))
                self._told_to_stop.wait(self._random.uniform(*self._pause))
                if self._told_to_stop.is_set():
                    return
                self._strike(victim)
        except BaseException as error:
            self.failure = error

    def stop(self) -> None:
        """Kill nobody else."""
        self._told_to_stop.set()
        self.join()

    def _wait_for_work(self, wanted: str) -> None:
        """Return when the wanted phase goes on, after a while when anything does."""
        content, give_up = time.monotonic() + PHASE_SECONDS, time.monotonic() + AWAIT_SECONDS
        while True:
            doing, now = self._doing(), time.monotonic()
            if self._product.serves and (wanted in doing or (doing and now > content)):
                return
            if now > give_up:
                raise TimeoutError("there was nothing to disturb for a minute")
            if self._told_to_stop.wait(0.02):
                return

    def _strike(self, victim: Victim) -> None:
        if victim is Victim.READER:
            if (pid := self._reader()) and self._struck(victim, pid):
                return
            victim = Victim.WORKER  # the reader was done before it was hit
        pid = self._choose(victim)
        if victim is Victim.WORKERS and "import" in self._phases:
            self._wait_for_a_lease()
        self._struck(victim, pid)

    def _struck(self, victim: Victim, pid: int) -> bool:
        """Hit somebody and write it down; tell whether there was anybody."""
        during, at = self._doing(), datetime.now(UTC)
        hit = self._hit(victim, pid)
        if hit:
            self.strikes.append(Strike(victim, pid, at, datetime.now(UTC), during))
        return hit

    def _hit(self, victim: Victim, pid: int) -> bool:
        """Do it; tell whether there was anybody."""
        if victim is Victim.REDIS_FLUSHED:
            return self._product.flush()
        if victim is Victim.WORKERS:
            hit = [kill(worker) for worker in self._product.pids().workers]  # every one of them
            return any(hit)
        if victim in STANDING:
            kill(pid, signal.SIGSTOP)
            time.sleep(self._random.uniform(*STOPPED))
            return kill(pid, signal.SIGCONT)
        return kill(pid, SIGNALS.get(victim, signal.SIGKILL))

    def _wait_for_a_lease(self) -> None:
        """Return when some worker is in the middle of applying rows."""
        jobs, give_up = self._product.db["engine_jobs"], time.monotonic() + AWAIT_SECONDS
        while not jobs.find_one({"_id": {"$gte": "apply:", "$lt": "apply;"}, "state": "running"}):
            if time.monotonic() > give_up:
                raise TimeoutError("nobody applied a roster for a minute")
            time.sleep(0.01)

    def _choose(self, victim: Victim) -> int:
        give_up = time.monotonic() + AWAIT_SECONDS
        while time.monotonic() < give_up:
            pids = self._product.pids()
            candidates = {
                Victim.MASTER: [pids.master],
                Victim.RELOADED: [pids.master],
                Victim.MONGOD: [pids.mongod],
                Victim.MONGOD_PAUSED: [pids.mongod],
                Victim.REDIS: [pids.redis],
                Victim.REDIS_PAUSED: [pids.redis],
                Victim.REDIS_FLUSHED: [pids.redis],
                Victim.STARTER: [self._product.server.child.pid],
                Victim.ASKED: [self._product.server.child.pid],
            }.get(victim, pids.workers)
            if candidates and candidates[0]:
                return self._random.choice(candidates)
            time.sleep(0.02)
        raise TimeoutError(f"there was no {victim} to kill")

    def _reader(self) -> int:
        """Return a child that reads a roster, as soon as there is one; 0 where none comes."""
        give_up = time.monotonic() + READER_SECONDS
        while time.monotonic() < give_up:
            if readers := self._product.readers():
                time.sleep(self._random.uniform(0.0, 0.15))
                return readers[0]
            time.sleep(0.005)
        return 0
