"""What tells a cached value that it is out of date: the versions of its tags, kept where the rows are kept.

MongoDB has the truth, written in the transaction of the change itself, so that no crash comes between. Each
process knows the versions as they were less than a second ago: it reads what changed every 0.4 s, and the
bus tells it sooner. It never serves what it has not confirmed for longer, unless MongoDB does not answer.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from threading import Lock
from typing import Final

from services.freshness.repository import TagRepository
from services.ports import JSON, Bus
from utils.clock import Clock
from utils.store import Store
from utils.supervisor import Supervisor
from utils.ultra_scalable_cache import EVERYTHING, Stamp

CHANGED: Final = "cache.changed"
READ_SECONDS: Final = 0.4
TRUSTED_SECONDS: Final = 0.8  # after that a read asks MongoDB itself
LONGEST_TRUST: Final = 5.0  # where MongoDB does not answer
LONGEST_TRANSACTION: Final = 60.0  # a change may be seen so long after its ``at``
SLACK: Final = 10.0
MOST_KNOWN: Final = 100_000


class TagVersions:
    """The versions of tags. A tag ``a:b`` changes with ``a`` and with everything as well."""

    def __init__(self, rows: TagRepository, store: Store, bus: Bus, clock: Clock) -> None:
        self._rows, self._store, self._bus, self._clock = rows, store, bus, clock
        self._known: dict[str, str] = {}
        self._news, self._lock = 0, Lock()
        self._confirmed = self._confirmed_at = float("-inf")
        bus.subscribe(CHANGED, self._heard)
        bus.on_gap(self.forget)

    def install(self, supervisor: Supervisor) -> None:
        """Declare the loop that reads what changed."""
        supervisor.add("read-cache-tags", READ_SECONDS, self.read_changes)

    def of(self, tags: Sequence[str]) -> Stamp:
        """Return the versions of these tags and all above them, at most a second old."""
        names = lineage(tuple(tags))
        known, age = self._known, self._clock.monotonic() - self._confirmed
        if age < TRUSTED_SECONDS:
            try:
                return tuple([known[name] for name in names])
            except KeyError:
                pass
        try:
            return self._asked(names)
        except Exception:
            if age < LONGEST_TRUST and all(name in known for name in names):
                return tuple([known[name] for name in names])
            raise

    def renew(self, tags: Sequence[str]) -> None:
        """Put every value with one of these tags out of date, as part of the open transaction.

        It is its last write, so that two transactions with a tag in common meet for a moment only.
        """
        self._store.before_commit(partial(self._renew, tuple(tags)))
        self._store.after_commit(partial(self._bus.publish, CHANGED, {"tags": list(tags)}))

    def forget(self) -> None:
        """Know nothing, so that the next reads ask MongoDB."""
        with self._lock:
            self._news += 1
            self._known.clear()

    def read_changes(self) -> None:
        """Forget the tags that changed since the last time, and trust the rest for a while longer."""
        now, of_day = self._clock.monotonic(), time.time()
        missed = max(now - self._confirmed, abs(of_day - self._confirmed_at))
        for tag, token in self._rows.changed_within(LONGEST_TRANSACTION + SLACK).items():
            if self._known.get(tag, token) != token:
                self._forget([tag])
        if missed > SLACK:  # this process stood still: what changed meanwhile may be out of sight
            self.forget()
        self._confirmed, self._confirmed_at = now, of_day

    def _asked(self, names: tuple[str, ...]) -> Stamp:
        before = self._news
        found = dict(self._rows.tokens(names))
        if EVERYTHING not in found:  # a new database, or one whose tags were wiped: nothing old may ever fit
            found[EVERYTHING] = self._rows.begin(EVERYTHING, secrets.token_hex(8))
        stamp = tuple(found.get(name, "") for name in names)
        with self._lock:
            if before == self._news:
                if len(self._known) > MOST_KNOWN:
                    self._known.clear()
                self._known.update(zip(names, stamp, strict=True))
        return stamp

    def _renew(self, tags: tuple[str, ...]) -> None:
        for tag in sorted(
            tags
        ):  # always in this order: two transactions wait for each other, never in a ring
            self._rows.renew(tag, secrets.token_hex(8))

    def _heard(self, payload: Mapping[str, JSON]) -> None:
        tags = payload.get("tags")
        if isinstance(tags, list):
            self._forget([str(tag) for tag in tags])

    def _forget(self, tags: Sequence[str]) -> None:
        with self._lock:
            self._news += 1
            for tag in tags:
                self._known.pop(tag, None)


@lru_cache(maxsize=10_000)
def lineage(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return these tags and everything above them, each once: ``a:b`` lies below ``a``."""
    names = [EVERYTHING]
    for tag in tags:
        parts = tag.split(":")
        names += [":".join(parts[: n + 1]) for n in range(len(parts))]
    return tuple(dict.fromkeys(names))
