"""The gate before every call to a provider: is the channel open, is there quota, is it our turn?

Whoever has to wait is told so before ``sending`` is written, so nothing is in doubt and no try is used up. A
wait gives the lease back; only a fraction of a second is slept through.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import log2
from typing import Final

from services.batch_jobs.channels import Channels
from services.batch_jobs.documents import BatchJob, Delivery, SubBatch
from services.batch_jobs.pacing import BLOCK_SECONDS, Pacer, block_of, pace_key
from services.batch_jobs.quota import DailyQuota
from services.batch_jobs.quota_repository import Allowance
from services.batch_jobs.turn_repository import TurnRepository
from services.ports import Channel, Later, Lease, MessageSender
from utils.clock import Clock
from utils.resilient_services import RetryBudget, backoff, equal_jitter, jittered
from utils.scope import Scope

PAUSED_SECONDS: Final = 15.0  # how often a sub-batch looks whether its channel is open again
QUOTA_SECONDS: Final = 900.0
SLEEP_SECONDS: Final = 0.3
TOLD_SECONDS: Final = 2.0  # shorter waits are not worth a word
GIVE_UP_SECONDS: Final = 24 * 3600.0
SPENT_SECONDS: Final = 30.0  # the pause before a repeat for which there is no budget


@dataclass(frozen=True, slots=True)
class Gate:
    """What every lease of a process shares. ``interval_seconds``: between a job's sub-batches, if at all."""

    channels: Channels
    pacer: Pacer
    quota: DailyQuota
    turns: TurnRepository
    budgets: Mapping[Channel, RetryBudget]
    clock: Clock
    interval_seconds: int | None = None

    def passage(
        self, scope: Scope, job: BatchJob, sub_batch: SubBatch, sender: MessageSender, lease: Lease
    ) -> "Passage":
        """Return the way of one lease's units through the gate."""
        return Passage(self, scope, job, sub_batch, sender, lease)


@dataclass(slots=True)
class Passage:
    """One lease's way through the gate for one sub-batch; ``leave`` gives back what it did not use."""

    gate: Gate
    scope: Scope
    job: BatchJob
    sub_batch: SubBatch
    sender: MessageSender
    lease: Lease
    away: bool = False  # the last unit waits because its provider is known not to answer
    _epoch: int = 0
    _opened_at: datetime | None = None
    _allowance: Allowance = field(default=Allowance(0, "", 0.0))
    _calls: int = 0
    _calls_until: float = 0.0

    @property
    def opened_at(self) -> datetime | None:
        """When the channel was last opened after a pause: nobody is given up for the time before."""
        return self._opened_at

    def admit(
        self, unit: Sequence[Delivery], open_rows: Sequence[Delivery], *, repeated: bool
    ) -> Later | int:
        """Return how many of a unit's deliveries may be sent now, or how long it has to wait."""
        if wait := self._closed() or self._unanswered(unit) or (None if repeated else self._not_our_turn()):
            return wait
        new = sum(not row.counted for row in unit)
        granted = self._granted(new, open_rows)
        if new and not granted:
            seconds = min(self._allowance.seconds_left, QUOTA_SECONDS) + jittered(TOLD_SECONDS)
            return self._wait("the campus's quota of messages a day is used up", seconds)
        if granted == new:
            if wait := self._too_fast(open_rows):
                return wait
            self._allowance = replace(self._allowance, granted=self._allowance.granted - new)
        return len(unit) - new + granted

    def called(self) -> None:
        """Hear that a call is being made."""
        self.gate.budgets[self.sender.channel].earn()

    def blocked(self, reason: str) -> Later:
        """Pause the channel for everybody; return how long the unit waits."""
        self.gate.channels.pause(self.sender.channel, reason, self._epoch)
        return self._wait(reason, jittered(PAUSED_SECONDS))

    def throttled(self, seconds: float | None) -> float:
        """Freeze the channel for everybody, for what the provider asks and a little; return how long.

        Where it does not ask for any time, longer the more often it has refused lately.
        """
        key, pacer = pace_key(self.sender), self.gate.pacer
        often = 1 if seconds is not None else 1 + round(log2(1 / pacer.pace(key).share))
        pause = (seconds or 0.0) + equal_jitter(often)
        pacer.freeze(key, self.sender.limits, pause)
        self._calls = 0
        return pause

    def pause(self, tries: int) -> float:
        """Return the pause before a repeat after a fault: longer where faults are more than a tenth."""
        pause = backoff(tries, base=1.0, cap=60.0)
        return pause if self.gate.budgets[self.sender.channel].spend() else max(pause, SPENT_SECONDS)

    def leave(self) -> None:
        """Give back the part of the day's quota that was reserved and not used."""
        self.gate.quota.give_back(self.job.campus_id, self.sender.channel, self._allowance)
        self._allowance = Allowance(0, "", 0.0)

    def _closed(self) -> Later | None:
        state = self.gate.channels.state(self.sender.channel)
        self._epoch, self._opened_at = state.epoch, state.opened_at
        if not state.paused:
            return None
        return self._wait(f"paused: {state.reason}", jittered(PAUSED_SECONDS))

    def _unanswered(self, unit: Sequence[Delivery]) -> Later | None:
        """Hold back a unit while its breaker is open. Its first try is noted all the same, and its last."""
        seconds, tried = self.sender.ready_in(), unit[0].tried_at
        self.away = False
        if not seconds or tried is None:
            return None
        since = max(tried, self._opened_at or tried)
        if (self.gate.clock.now() - since).total_seconds() > GIVE_UP_SECONDS:
            return None
        self.away = True
        return self._wait("the provider does not answer", seconds)

    def _not_our_turn(self) -> Later | None:
        if self.gate.interval_seconds is None:
            return None
        seconds = self.gate.turns.take_turn(self.scope, self.sub_batch, self.gate.interval_seconds)
        return self._wait("one sub-batch at a time (PACING=interval)", seconds) if seconds > 0 else None

    def _granted(self, new: int, open_rows: Sequence[Delivery]) -> int:
        """Return how many of ``new`` messages the day's quota holds, reserved for the whole sub-batch."""
        if self._allowance.granted < new:
            self.leave()
            wanted = sum(not row.counted for row in open_rows)
            self._allowance = self.gate.quota.reserve(self.job.campus_id, self.sender.channel, wanted)
        return min(new, self._allowance.granted)

    def _too_fast(self, open_rows: Sequence[Delivery]) -> Later | None:
        limits, clock = self.sender.limits, self.gate.clock
        if not limits:
            return None
        while self._calls < 1 or clock.monotonic() > self._calls_until:
            calls = min(block_of(limits), len({row.unit for row in open_rows}))
            grant = self.gate.pacer.take(pace_key(self.sender), limits, calls)
            self._calls, self._calls_until = grant.granted, clock.monotonic() + 2 * BLOCK_SECONDS
            if not grant.granted and (grant.wait > SLEEP_SECONDS or not self.lease.alive()):
                return self._wait("the provider's limit of calls", grant.wait)
            if not grant.granted:
                time.sleep(grant.wait)
        self._calls -= 1
        return None

    def _wait(self, reason: str, seconds: float) -> Later:
        if seconds > TOLD_SECONDS:
            self.gate.turns.note_waiting(self.scope, self.job.id, self.sender.channel, reason, seconds)
        return Later(seconds)
