"""Channels as people see them, and what people may do about them."""

from collections.abc import Mapping

from models import Actor
from services.batch_jobs.channel_schemas import (
    BalanceOut,
    ChannelOut,
    ChannelUse,
    LimitOut,
    PaceOut,
    PausedOut,
)
from services.batch_jobs.channels import Channels
from services.batch_jobs.documents import ChannelState
from services.batch_jobs.gate import Gate
from services.batch_jobs.pacing import pace_key
from services.ports import Channel, MessageSender


class ChannelService:
    """Shows a channel and resumes it."""

    def __init__(self, channels: Channels, gate: Gate, senders: Mapping[Channel, MessageSender]) -> None:
        self._channels, self._gate, self._senders = channels, gate, senders

    def status(self, channel: Channel) -> ChannelOut:
        """Return everything about a channel."""
        sender, state = self._senders[channel], self._channels.state(channel)
        breaker = sender.status().get("breaker")
        return ChannelOut(
            channel=channel,
            provider=sender.provider,
            state=ChannelUse.PAUSED if state.paused else ChannelUse.OPEN,
            paused=_paused(state),
            breaker=dict(breaker) if isinstance(breaker, Mapping) else None,
            pace=self._pace(sender),
            balance=self.balance(channel),
            daily_quota=self._gate.quota.of(channel),
        )

    def balance(self, channel: Channel) -> BalanceOut:
        """Return what the account may still send; it is asked at most twice a minute."""
        found, asked_at = self._channels.balance(channel)
        return BalanceOut(
            provider=self._senders[channel].provider,
            channel=channel,
            usable=found.usable,
            credits=found.credits,
            plan=found.plan,
            detail=found.detail,
            asked_at=asked_at,
        )

    def resume(self, channel: Channel, actor: Actor) -> ChannelOut:
        """Open a paused channel for every process, and return it."""
        self._channels.resume(channel, actor)
        return self.status(channel)

    def known(self, channel: Channel) -> ChannelState:
        """Return the state that this process saw last, whatever the database does now."""
        return self._channels.known(channel)

    def _pace(self, sender: MessageSender) -> PaceOut:
        interval, pace = self._gate.interval_seconds, self._gate.pacer.pace(pace_key(sender))
        return PaceOut(
            mode="provider" if interval is None else "interval",
            interval_seconds=interval,
            limits=[LimitOut(name=one.name, calls=one.calls, seconds=one.seconds) for one in sender.limits],
            share=round(pace.share, 3),
            frozen_seconds=round(pace.frozen_seconds, 1),
        )


def _paused(state: ChannelState) -> PausedOut | None:
    if not state.paused or state.since is None or state.probe_at is None:
        return None
    return PausedOut(reason=state.reason, since=state.since, next_probe_at=state.probe_at)
