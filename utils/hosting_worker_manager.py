"""Looks after the web workers of one server: their memory, their loops, how many there are.

Every worker looks at itself and its siblings; the oldest that is well decides for all. It remembers nothing:
what was done last shows in who drains and who is young, so that a decision outlives whoever took it. Nobody
is replaced but by gunicorn: a worker gets SIGTERM, the arbiter SIGTTIN or SIGTTOU.
"""

import ctypes
import gc
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import psutil

from utils.clock import Clock
from utils.hosting import Hosting
from utils.supervisor import Supervisor

logger = logging.getLogger(__name__)

BUSY: Final = 0.75  # of the seats, over all workers: one more
IDLE: Final = 0.25  # of the seats, if there were one worker less: one less


@dataclass(frozen=True, slots=True)
class Rules:
    """When something is done. Shares are of 1, the rest are seconds."""

    every: float = 30.0
    pressure: float = 0.9  # of the memory that is ours
    pause: float = 300.0  # between two replacements
    stuck: float = 120.0  # a tick of a loop that takes so long never ends
    overdue: float = 1020.0  # a job that runs for so long never ends


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker as it told of itself. ``load`` is the share of its seats in use, above 1 when some wait."""

    id: str
    pid: int
    age: float
    serving: bool
    memory: int
    load: float
    stuck: str = ""  # the loop or the queue with a job that never came back


@dataclass(frozen=True, slots=True)
class Child:
    """A child of the arbiter: seconds since it began, and for how long it has not told of itself."""

    age: float
    silent: float = 0.0


class Act(StrEnum):
    NOTHING = "nothing"
    RECYCLE = "recycle"
    GROW = "grow"
    SHRINK = "shrink"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, to which worker, and why."""

    act: Act
    pid: int = 0
    why: str = ""


NOTHING: Final = Decision(Act.NOTHING)


def decider(workers: Sequence[Worker]) -> str:
    """Return the id of the worker that decides: the oldest that serves, a stuck one only among such."""
    serving = [worker for worker in workers if worker.serving]
    chosen = min(serving, key=lambda one: (bool(one.stuck), -one.age, one.id), default=None)
    return chosen.id if chosen else ""


def decide(
    rules: Rules,
    bounds: tuple[int, int],
    workers: Sequence[Worker],
    children: Mapping[int, Child],
    pressure: float,
) -> Decision:
    """Return what is to be done now, one thing at a time.

    A child that is no worker starts, or is stuck so badly that it cannot tell when it is silent for long.
    While somebody comes or goes nothing else is done.
    """
    known = {worker.pid: worker for worker in workers if worker.pid in children}
    youngest = min((child.age for child in children.values()), default=0.0)
    if silent := [pid for pid, child in children.items() if pid not in known and child.silent >= rules.stuck]:
        return Decision(Act.RECYCLE, silent[0], "it does not tell of itself any more")
    if len(known) < len(children) or not all(worker.serving for worker in known.values()):
        return NOTHING
    if youngest >= rules.pause and (worker := _worst(rules, list(known.values()), pressure)):
        return worker
    return _resize(rules, bounds, list(known.values()), youngest, pressure)


def _worst(rules: Rules, workers: Sequence[Worker], pressure: float) -> Decision | None:
    for worker in workers:
        if worker.stuck:
            return Decision(Act.RECYCLE, worker.pid, f"its {worker.stuck} is stuck")
    if pressure >= rules.pressure and workers:
        largest = max(workers, key=lambda one: one.memory)
        return Decision(Act.RECYCLE, largest.pid, f"{pressure:.0%} of the memory is used")
    return None


def _resize(
    rules: Rules, bounds: tuple[int, int], workers: Sequence[Worker], youngest: float, pressure: float
) -> Decision:
    fewest, most = bounds
    count, load = len(workers), sum(worker.load for worker in workers)
    if fewest >= most or not count:
        return NOTHING
    room = pressure * (count + 1) / count < rules.pressure
    if load >= BUSY * count and count < most and room and youngest >= rules.every:
        return Decision(Act.GROW, why=f"{load / count:.0%} of the seats are taken")
    if count > fewest and load <= IDLE * (count - 1) and youngest >= rules.pause:
        return Decision(Act.SHRINK, why=f"{load / count:.0%} of the seats are taken")
    return NOTHING


class Relief:
    """What gives memory back when it runs short: caches that can do with less."""

    def __init__(self) -> None:
        self._hooks: list[Callable[[], object]] = []

    def add(self, shrink: Callable[[], object]) -> None:
        """Have ``shrink`` called when memory is short."""
        self._hooks.append(shrink)

    def __call__(self) -> None:
        """Shrink everything, and give what is free back to the system."""
        for shrink in self._hooks:
            shrink()
        gc.collect()
        if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # not every C library has it
            trim(0)


class WorkerManager:
    """One worker's part in looking after all of them."""

    def __init__(
        self,
        hosting: Hosting,
        rules: Rules,
        clock: Clock,
        relief: Callable[[], None],
        workers: Callable[[], tuple[str, Sequence[Worker]]],
    ) -> None:
        """``workers`` returns our own id, and how all workers of this server do, ourselves included."""
        self._hosting, self._rules, self._clock = hosting, rules, clock
        self._relief, self._workers = relief, workers
        self._pressed_from: float | None = None
        self._told: set[int] = set()
        self._silent_from: dict[int, float] = {}
        self._pressure = 0.0

    def install(self, supervisor: Supervisor) -> None:
        """Declare the loop."""
        supervisor.add("look-after-workers", self._rules.every, self.tick)

    def figures(self) -> dict[str, str | int | float]:
        """Return where we run, the memory that is ours in bytes, and the share of it that is used."""
        hosting = self._hosting
        return {
            "platform": str(hosting.platform),
            "arbiter": hosting.arbiter,
            "memory_limit": hosting.memory.limit,
            "memory_pressure": round(self._pressure, 3),
            "fewest": hosting.fewest,
            "most": hosting.most,
        }

    def tick(self) -> None:
        """Shrink when memory is short; for all of us, where we are the one, do what has to be done."""
        ages, held = _family(self._hosting.arbiter)
        self._pressure = self._hosting.memory.used(sum(held.values())) / self._hosting.memory.limit
        pressed_long = self._shrunk_in_vain()
        me, told = self._workers()
        # what a worker has told of its memory may be older than the pressure that is to be lifted
        workers = [replace(worker, memory=held.get(worker.pid, worker.memory)) for worker in told]
        children = self._children(ages, {worker.pid for worker in workers})
        if decider(workers) != me:
            return
        # others had the time to shrink as well, or nobody is replaced for it
        counted = self._pressure if pressed_long else min(self._pressure, self._rules.pressure - 0.001)
        self._do(decide(self._rules, (self._hosting.fewest, self._hosting.most), workers, children, counted))

    def _children(self, ages: Mapping[int, float], telling: set[int]) -> Mapping[int, Child]:
        """Count silence of whoever has told before, from when we noticed: rows are old after an outage.

        One that never comes up is gunicorn's own concern.
        """
        now = self._clock.monotonic()
        self._told = (self._told | telling) & ages.keys()
        silent = self._told - telling if telling else set()
        self._silent_from = {pid: self._silent_from.get(pid, now) for pid in silent}
        return {pid: Child(age, now - self._silent_from.get(pid, now)) for pid, age in ages.items()}

    def _shrunk_in_vain(self) -> bool:
        if self._pressure < self._rules.pressure:
            self._pressed_from = None
            return False
        now = self._clock.monotonic()
        if self._pressed_from is None:
            self._pressed_from = now
            logger.warning("%.0f%% of the memory is used: caches shrink", 100 * self._pressure)
        self._relief()
        return now - self._pressed_from >= self._rules.every

    def _do(self, decision: Decision) -> None:
        if decision.act is Act.NOTHING:
            return
        whom = f" {decision.pid}" if decision.pid else ""
        logger.warning("workers: %s%s because %s", decision.act, whom, decision.why)
        if decision.act is Act.RECYCLE:
            os.kill(decision.pid, signal.SIGTERM)
        else:
            grow = decision.act is Act.GROW
            os.kill(self._hosting.arbiter, signal.SIGTTIN if grow else signal.SIGTTOU)


class Load:
    """How busy one worker is: the mean of what was counted lately, as a share of its seats."""

    def __init__(self, in_flight: Callable[[], int], seats: int, window: float, clock: Clock) -> None:
        self._in_flight, self._seats, self._window, self._clock = in_flight, seats, window, clock
        self._seen: list[tuple[float, int]] = []

    def figures(self) -> dict[str, int | float]:
        """Count once more; return the requests in flight ``now`` and the ``mean`` share."""
        now, count = self._clock.monotonic(), max(0, self._in_flight())
        self._seen = [one for one in self._seen if one[0] > now - self._window] + [(now, count)]
        mean = sum(number for _, number in self._seen) / len(self._seen) / self._seats
        return {"now": count, "seats": self._seats, "mean": round(mean, 3)}


def _family(arbiter: int) -> tuple[dict[int, float], dict[int, int]]:
    """Return the ages of the arbiter's children, and the bytes that each of its family holds, itself too."""
    root = psutil.Process(arbiter)
    children: dict[int, float] = {}
    held: dict[int, int] = {}
    for process in [root, *root.children(recursive=True)]:
        try:
            held[process.pid] = process.memory_full_info().pss
            if process.ppid() == arbiter and process.status() != psutil.STATUS_ZOMBIE:
                children[process.pid] = time.time() - process.create_time()
        except psutil.Error:  # gone meanwhile
            continue
    return children, held
