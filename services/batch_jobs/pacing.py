"""How fast the calls to a provider may follow each other: one pace per account, shared by every process.

The rule is GCRA: a limit keeps the time at which it would be even again (its TAT), each call moves that time
on by one interval, and a call may go while the TAT is at most a burst ahead of now. After a 429 nothing goes
until the provider's reset, then without a burst at half the rate, and the rate climbs again by itself. A
limit over a long window is a stock rather than a rate: it is counted as it is, whatever was refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from services.ports import Limit, MessageSender

SMALLEST_SHARE: Final = 1 / 16
CLIMB_SECONDS: Final = 120.0  # from nothing to all of a limit
LINE_SECONDS: Final = 600.0  # nobody is asked to come back later than that
BLOCK_SECONDS: Final = 0.25  # so many seconds' calls are taken at once, and used within twice that


@dataclass(frozen=True, slots=True)
class Grant:
    """How many calls may be made now; where none may, it is worth asking again after ``wait`` seconds."""

    granted: int
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Pace:
    """The share of its limits at which a channel goes (1 is all), and for how long nothing goes at all."""

    share: float = 1.0
    frozen_seconds: float = 0.0


class Pacer(Protocol):
    """Counts calls over all processes. Whoever is refused gets a place in line: times to come back differ."""

    def take(self, key: str, limits: Sequence[Limit], most: int) -> Grant:
        """Take up to ``most`` calls, as many as every limit allows now."""

    def freeze(self, key: str, limits: Sequence[Limit], seconds: float) -> None:
        """Let nothing go for ``seconds``, then go half as fast; a freeze during a freeze only prolongs it."""

    def pace(self, key: str) -> Pace:
        """Return how fast it goes now."""


def pace_key(sender: MessageSender) -> str:
    """Return what a sender's calls are counted under."""
    return f"{sender.provider}:{sender.channel}:{sender.account}"


def block_of(limits: Sequence[Limit]) -> int:
    """Return how many calls are worth taking at once: few, since what is taken is not given back."""
    return max(1, int(BLOCK_SECONDS / max(limit.interval for limit in limits)))
