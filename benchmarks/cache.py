"""R6: the memory tier of the cache against cachetools, at 50,000 entries.

``python -m benchmarks.cache`` writes ``benchmarks/results/cache.json``: gets and sets per second of one
thread, memory of a full cache (what the process grew by) and hit rate on a Zipf trace; each cache in a
process of its own, in turn, three times. The baselines keep the same values: ``LRUCache`` as it is, with
the lock that threads need, and ``TTLCache`` with it, which also knows when an entry ends, as ours does.
"""

import gc
import json
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import accumulate
from threading import Lock
from typing import Any, Final, Protocol

import psutil
from cachetools import Cache, LRUCache, TTLCache

from tests.servers import ROOT
from utils.ultra_scalable_cache import MemoryTier

RESULT: Final = ROOT / "benchmarks" / "results" / "cache.json"
ENTRIES: Final = 50_000
ROUNDS: Final = 3
ASKED: Final = 300_000
TRACE, ITEMS, SKEW = 400_000, 250_000, 0.9
STAMP: Final = ("0123456789abcdef",) * 3


class Subject(Protocol):
    """What is measured."""

    def get(self, key: str) -> object:
        """Return what is kept, or None."""

    def put(self, key: str, value: bytes) -> None:
        """Keep a value."""


class Ours:
    """The memory tier as the cache uses it."""

    def __init__(self) -> None:
        self._tier = MemoryTier(ENTRIES, 64_000_000)
        self.get = self._tier.get

    def put(self, key: str, value: bytes) -> None:
        """Keep a value with its stamp and times."""
        self._tier.put(key, value, STAMP, 1.0, 2.0)


class Bare:
    """A cache of cachetools as it is."""

    def __init__(self) -> None:
        self._rows: Cache[str, bytes] = LRUCache(ENTRIES)
        self.get = self._rows.get

    def put(self, key: str, value: bytes) -> None:
        """Keep a value."""
        self._rows[key] = value


class Locked:
    """A cache of cachetools as threads may share it."""

    def __init__(self, rows: "Cache[str, bytes]") -> None:
        self._rows, self._lock = rows, Lock()

    def get(self, key: str) -> object:
        """Return what is kept, or None."""
        with self._lock:
            return self._rows.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Keep a value."""
        with self._lock:
            self._rows[key] = value


SUBJECTS: Final[dict[str, Callable[[], Subject]]] = {
    "memory tier": Ours,
    "cachetools LRU": Bare,
    "cachetools LRU, locked": lambda: Locked(LRUCache(ENTRIES)),
    "cachetools TTL, locked": lambda: Locked(TTLCache(ENTRIES, 300)),
}


def key(number: int) -> str:
    """Return a key like those of the product."""
    return f"courses.page:{number:032x}"


def per_second(count: int, work: Callable[[], None]) -> float:
    """Return how many of ``count`` things were done in a second."""
    gc.collect()
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def measure(make: Callable[[], Subject]) -> dict[str, float]:
    """Return the figures of one cache."""
    keys = [key(number) for number in range(ITEMS)]
    picker = random.Random(6)
    order = [keys[picker.randrange(ENTRIES)] for _ in range(ASKED)]
    trace = picker.choices(
        keys, cum_weights=list(accumulate(1 / (n + 1) ** SKEW for n in range(ITEMS))), k=TRACE
    )

    gc.collect()
    before, full = psutil.Process().memory_info().rss, make()
    for number in range(ENTRIES):
        full.put(keys[number], b"%0400d" % number)
    grown = psutil.Process().memory_info().rss - before

    def gets() -> None:
        get = full.get
        for each in order:
            get(each)

    def sets() -> None:
        put, value = full.put, b"v" * 400
        for each in keys:
            put(each, value)

    figures = {"get_per_s": per_second(ASKED, gets), "set_per_s": per_second(ITEMS, sets)}
    return figures | {"megabytes": grown / 1e6, "hit_rate": hit_rate(make(), trace)}


def hit_rate(subject: Subject, trace: Sequence[str]) -> float:
    """Return the share of a trace that was found, each that was not being kept."""
    hits = 0
    for each in trace:
        if subject.get(each) is not None:
            hits += 1
        else:
            subject.put(each, b"v")
    return hits / len(trace)


def in_a_process_of_its_own(name: str) -> dict[str, float]:
    """Return the figures of one cache, measured where nothing else has been."""
    command = [sys.executable, "-m", "benchmarks.cache", name]
    done = subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    """Measure all in turn, print and write the medians."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(SUBJECTS[sys.argv[1]])))
        return
    rounds = [{name: in_a_process_of_its_own(name) for name in SUBJECTS} for _ in range(ROUNDS)]
    medians: dict[str, dict[str, Any]] = {
        name: {
            what: round(statistics.median(each[name][what] for each in rounds), 4) for what in rounds[0][name]
        }
        for name in SUBJECTS
    }
    ours = medians["memory tier"]
    ratios = {
        name: {what: round(ours[what] / figures[what], 3) for what in figures}
        for name, figures in medians.items()
        if figures is not ours
    }
    result = {"python": platform.python_version(), "entries": ENTRIES, "medians": medians, "ratios": ratios}
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
