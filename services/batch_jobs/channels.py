"""Channels: paused for everybody when the provider refuses the account, opened by a probe or by a person."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Final

from models import Actor
from services.audit.service import AuditService
from services.batch_jobs.channel_repository import ChannelRepository
from services.batch_jobs.documents import ChannelState
from services.ports import Balance, Channel, MessageSender
from utils.clock import Clock
from utils.problems import Conflict
from utils.store import Store

logger = logging.getLogger(__name__)

FRESH_SECONDS: Final = 0.5
BALANCE_SECONDS: Final = 30.0
ASKED_SECONDS: Final = 5.0  # how long somebody waits while another one asks the provider
NOT_YET: Final = "the provider is being asked; try again in a few seconds"


class ChannelNotPaused(Conflict):
    """The channel is not paused: there is nothing to resume. Somebody else, or the probe, was first."""

    title = "The channel is not paused"


@dataclass(slots=True)
class _Asked:
    lock: Lock = field(default_factory=Lock)
    balance: Balance | None = None
    at: datetime | None = None
    until: float = 0.0


class Channels:
    """What this process knows of the channels; the truth is one document each."""

    def __init__(
        self,
        repository: ChannelRepository,
        senders: Mapping[Channel, MessageSender],
        store: Store,
        audit: AuditService,
        clock: Clock,
    ) -> None:
        self._repository, self._senders = repository, senders
        self._store, self._audit, self._clock = store, audit, clock
        self._known: Mapping[Channel, ChannelState] = {}
        self._fresh_until = 0.0
        self._asked = {channel: _Asked() for channel in senders}

    def state(self, channel: Channel) -> ChannelState:
        """Return a channel's state, at most half a second old."""
        if self._clock.monotonic() >= self._fresh_until:
            self._look()
        return self.known(channel)

    def known(self, channel: Channel) -> ChannelState:
        """Return the state that was seen last, whatever the database does now."""
        return self._known.get(channel) or ChannelState(id=channel)

    def pause(self, channel: Channel, reason: str, epoch: int) -> None:
        """Let nobody send over a channel, unless it was opened since the refused call began (``epoch``)."""
        if self._repository.pause(channel, reason, epoch):
            logger.warning("channel %s is paused: %s", channel, reason)
        self._look()

    def resume(self, channel: Channel, actor: Actor) -> None:
        """Open a paused channel, because somebody says that the account is well again."""

        def work() -> None:
            if not self._repository.open(channel, anew=True):
                raise ChannelNotPaused()
            self._audit.record(
                "channel.resumed", actor_id=actor.id, campus_id=None, target=f"channel:{channel}"
            )

        self._store.atomically(work)
        self._look()

    def tick(self) -> None:
        """Look at the channels; where one is paused and it is time, ask the provider and open it."""
        self._look()
        for channel, state in self._known.items():
            if state.paused and channel in self._senders and self._repository.win_probe(channel):
                self._probe(channel)

    def balance(self, channel: Channel) -> tuple[Balance, datetime]:
        """Return what the account may still send, asked at most twice a minute, and when that was asked.

        One thread asks, the others wait a few seconds at most: a provider that hangs costs no more.
        """
        asked = self._asked[channel]
        if self._clock.monotonic() >= asked.until and asked.lock.acquire(timeout=ASKED_SECONDS):
            try:
                if self._clock.monotonic() >= asked.until:
                    asked.balance, asked.at = self._senders[channel].balance(), self._clock.now()
                    asked.until = self._clock.monotonic() + BALANCE_SECONDS
            finally:
                asked.lock.release()
        return asked.balance or Balance(False, NOT_YET), asked.at or self._clock.now()

    def _probe(self, channel: Channel) -> None:
        balance = self._senders[channel].balance()
        if balance.usable and self._repository.open(channel, anew=False):
            logger.warning("channel %s is open again: %s", channel, balance.detail)
        self._look()

    def _look(self) -> None:
        began = self._clock.monotonic()
        self._known = self._repository.all()
        self._fresh_until = began + FRESH_SECONDS
