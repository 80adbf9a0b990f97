"""The cache of a process: its memory over a tier that all processes share.

An entry carries the stamp that its tags had before it was loaded, and is served only while they still have
it. Values are bytes, so nobody can change what another will get. What is not there is remembered as well.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from enum import Enum, auto
from random import random as uniform
from typing import Final, NamedTuple, Protocol, TypeAlias

from cachebox import LRUCache

from utils.clock import Clock
from utils.problems import Problem
from utils.single_flight import Flights

Stamp: TypeAlias = tuple[str, ...]
Value: TypeAlias = bytes | None

EVERYTHING: Final = "*"  # the tag above all others
ENTRY_BYTES: Final = 400  # what an entry takes besides its key and its value
JITTER: Final = 0.1
RENEWED_IN_THE_LAST: Final = 0.1  # of its life an entry is loaded anew by one, and served to all others
MISSING_SECONDS: Final = 10.0
GRACE_SECONDS: Final = 60.0  # how long past its end an entry that still has its stamp may stand in
TURN_SECONDS: Final = 5.0
WAIT_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 0.01


class Entry(NamedTuple):
    """A value, the stamp it was loaded under, when to load it anew, and what it weighs."""

    value: Value
    stamp: Stamp
    renew_at: float
    until: float
    weight: int


class MemoryTier:
    """The entries used last, within a number of entries and a number of bytes."""

    def __init__(self, entries: int, size: int) -> None:
        self._most, self._size = entries, size
        self._least = max(1, size // entries)  # each weighs at least its share: one limit keeps both
        self._rows: LRUCache[str, Entry] = LRUCache(self._least * entries, getsizeof=_weight)
        self.hits = self.misses = self._added = self._dropped = 0

    def get(self, key: str) -> Entry | None:
        """Return an entry, in time or not."""
        return self._rows.get(key)

    def put(self, key: str, value: Value, stamp: Stamp, renew_at: float, until: float) -> None:
        """Keep a value; one that would drive out a tenth of all others is not kept."""
        weight = max(self._least, ENTRY_BYTES + len(key) + len(value or b""))
        if weight > self._size // 10 and weight > self._least:
            self.drop(key)
            return
        if self._rows.insert(key, Entry(value, stamp, renew_at, until, weight)) is None:
            self._added += 1

    def drop(self, key: str) -> None:
        """Forget an entry."""
        if self._rows.pop(key, None) is not None:
            self._dropped += 1

    def shrink(self, share: float) -> int:
        """Forget this share of the entries, those that were not used for longest; return how many."""
        gone = self._rows.drain(int(len(self._rows) * share))
        self._rows.shrink_to_fit()
        self._dropped += gone
        return gone

    def figures(self) -> dict[str, int | float]:
        """Return entries, bytes, hits, misses, their rate, and how many entries were driven out."""
        entries, asked = len(self._rows), self.hits + self.misses
        return {
            "entries": entries,
            "most_entries": self._most,
            "bytes": self._rows.current_size(),
            "most_bytes": self._size,
            "hits": self.hits,
            "misses": self.misses,
            "hit_rate": round(self.hits / asked, 4) if asked else 0.0,
            "evictions": max(0, self._added - self._dropped - entries),
        }


def _weight(_key: str, entry: Entry) -> int:
    return entry.weight


class Turn(Enum):
    """Who loads what the shared tier does not hold."""

    MINE = auto()
    THEIRS = auto()
    AWAY = auto()  # nobody knows: the tier does not answer


class SharedTier(Protocol):
    """What all processes see. No method raises or takes longer than a tenth of a second."""

    def ask(self, key: str, token: str, seconds: float) -> bytes | Turn:
        """Return what is kept; else take the turn to load it for some seconds, if nobody else has it."""

    def put(self, key: str, value: bytes, seconds: float, token: str) -> None:
        """Keep a value and give the turn back."""

    def give_up(self, key: str, token: str) -> None:
        """Give the turn back without a value."""

    def figures(self) -> dict[str, int | float | str]:
        """Return the state for people."""


class Stamps(Protocol):
    """Knows the versions of tags."""

    def of(self, tags: Sequence[str]) -> Stamp:
        """Return the versions as they are now, or were less than a second ago."""

    def renew(self, tags: Sequence[str]) -> None:
        """Give the tags other versions, as part of the open transaction."""


class TwoTierCache:
    """Reads through memory and the shared tier, and loads what neither holds once over all processes."""

    def __init__(
        self,
        near: MemoryTier,
        far: SharedTier | None,
        stamps: Stamps,
        clock: Clock,
        *,
        seconds: float = 300.0,
        in_transaction: Callable[[], bool] = lambda: False,
        random: Callable[[], float] = uniform,
    ) -> None:
        self._near, self._far, self._stamps, self._clock = near, far, stamps, clock
        self._seconds, self._in_transaction, self._random = seconds, in_transaction, random
        self._flights = Flights()
        self.loads = self.stand_ins = 0

    def read(
        self, key: str, tags: Sequence[str], load: Callable[[], Value], seconds: float | None = None
    ) -> Value:
        """Return the value under ``key``, from ``load`` where no tier holds one that is up to date.

        Within a transaction it is always loaded: what is read there decides, and may be older than the stamp.
        """
        if self._in_transaction():
            return load()
        stamp, near, seconds = self._stamps.of(tags), self._near, seconds or self._seconds
        entry, now = near.get(key), self._clock.monotonic()
        if entry is not None and entry.stamp == stamp:
            if now < entry.renew_at:
                near.hits += 1
                return entry.value
            if now < entry.until + GRACE_SECONDS:
                return self._renewed(key, entry, load, seconds)
        near.misses += 1
        return self._flights.make((key, stamp), lambda: self._fetched(key, stamp, load, seconds))

    def invalidate(self, *tags: str) -> None:
        """Put every entry with one of these tags out of date, as part of the open transaction."""
        self._stamps.renew(tags)

    def invalidate_pattern(self, pattern: str) -> None:
        """Put every entry out of date that has a tag like ``prefix:*``, or with ``*`` all there are."""
        self._stamps.renew([tag_of(pattern)])

    def shrink(self, share: float) -> int:
        """Give memory back: forget a share of the entries in this process; return how many."""
        return self._near.shrink(share)

    def figures(self) -> dict[str, int | float | str]:
        """Return the figures of this process for people and for ``/metrics``."""
        own = {"loads": self.loads, "joined": self._flights.joined, "stand_ins": self.stand_ins}
        return {**self._near.figures(), **own, **(self._far.figures() if self._far else {})}

    def _renewed(self, key: str, entry: Entry, load: Callable[[], Value], seconds: float) -> Value:
        """Load an entry anew that is nearly or just past its end; whoever comes meanwhile gets it as it is.

        So does whoever loads it, where that fails: its stamp says that nothing has changed.
        """
        self._near.hits += 1
        try:
            return self._flights.make(
                (key, entry.stamp),
                lambda: self._reloaded(key, entry.stamp, load, seconds),
                lambda: entry.value,
            )
        except Problem:
            raise
        except Exception:
            self.stand_ins += 1
            return entry.value

    def _reloaded(self, key: str, stamp: Stamp, load: Callable[[], Value], seconds: float) -> Value:
        value = self._loaded(key, stamp, load, seconds)
        if self._far is not None:
            self._far.put(shared_key(key, stamp), _packed(value), self._life(value, seconds), token="")
        return value

    def _fetched(self, key: str, stamp: Stamp, load: Callable[[], Value], seconds: float) -> Value:
        if self._far is None:
            return self._loaded(key, stamp, load, seconds)
        shared, token = shared_key(key, stamp), secrets.token_hex(8)
        answer = self._far.ask(shared, token, TURN_SECONDS)
        if answer is Turn.THEIRS:
            answer = self._awaited(self._far, shared, token)
        if isinstance(answer, bytes) and answer[:1] in (b"+", b"-"):  # else: not a word of ours
            value = _unpacked(answer)
            self._keep(key, value, stamp, seconds)
            return value
        try:
            value = self._loaded(key, stamp, load, seconds)
        except BaseException:
            self._far.give_up(shared, token)
            raise
        self._far.put(shared, _packed(value), self._life(value, seconds), token)
        return value

    def _awaited(self, far: SharedTier, shared: str, token: str) -> bytes | Turn:
        """Return what another process loads; after some time, or its death, that it is our turn."""
        give_up, pause = time.monotonic() + WAIT_SECONDS, LOOK_SECONDS
        while time.monotonic() < give_up:
            time.sleep(pause)
            if (answer := far.ask(shared, token, TURN_SECONDS)) is not Turn.THEIRS:
                return answer
            pause = min(pause * 1.5, 5 * LOOK_SECONDS)
        return Turn.MINE

    def _loaded(self, key: str, stamp: Stamp, load: Callable[[], Value], seconds: float) -> Value:
        self.loads += 1
        value = load()
        if value is not None and type(value) is not bytes:
            raise TypeError(f"a cache keeps bytes, not {type(value).__name__}")
        self._keep(key, value, stamp, seconds)
        return value

    def _keep(self, key: str, value: Value, stamp: Stamp, seconds: float) -> None:
        now, life = self._clock.monotonic(), self._life(value, seconds)
        self._near.put(key, value, stamp, now + life * (1 - RENEWED_IN_THE_LAST), now + life)

    def _life(self, value: Value, seconds: float) -> float:
        """Return how long to keep a value, a little more or less, so that not all end at once."""
        life = min(seconds, MISSING_SECONDS) if value is None else seconds
        return life * (1 + JITTER * (2 * self._random() - 1))


def tag_of(pattern: str) -> str:
    """Return the tag that covers ``prefix:*`` or ``*``; raise ValueError for any other pattern."""
    if pattern == EVERYTHING:
        return EVERYTHING
    tag, star, rest = pattern.partition(":*")
    if not star or rest or not tag or EVERYTHING in tag:
        raise ValueError(f"{pattern!r} is no pattern of tags: write 'courses:*', say")
    return tag


def shared_key(key: str, stamp: Stamp) -> str:
    """Return the key of an entry in the shared tier: under another stamp it is another entry."""
    return hashlib.blake2b("\0".join((key, *stamp)).encode(), digest_size=16).hexdigest()


def _packed(value: Value) -> bytes:
    return b"-" if value is None else b"+" + value


def _unpacked(packed: bytes) -> Value:
    return packed[1:] if packed.startswith(b"+") else None
