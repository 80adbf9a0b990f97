"""What clients see of a channel: whether it sends, how fast, and what the account still holds."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from services.ports import Channel


class ChannelUse(StrEnum):
    OPEN = "open"
    PAUSED = "paused"


class PausedOut(BaseModel):
    """Nothing is sent until the provider is found well again (``next_probe_at``) or somebody resumes it."""

    reason: str
    since: datetime
    next_probe_at: datetime


class LimitOut(BaseModel):
    """What the provider allows: ``calls`` in any ``seconds``."""

    name: str
    calls: int
    seconds: float


class PaceOut(BaseModel):
    """How fast calls follow each other. ``share`` falls after a 429 and climbs back to 1."""

    mode: str = Field(description="provider, or interval: sub-batches of a job at fixed distances")
    interval_seconds: int | None
    limits: list[LimitOut]
    share: float
    frozen_seconds: float


class BalanceOut(BaseModel):
    """What the account may still send; ``credits`` is null where nothing is counted or told."""

    provider: str
    channel: Channel
    usable: bool
    credits: float | None
    plan: str
    detail: str
    asked_at: datetime


class ChannelOut(BaseModel):
    """A channel. ``breaker`` is that of the process which answers; everything else is the same in all."""

    channel: Channel
    provider: str
    state: ChannelUse
    paused: PausedOut | None
    breaker: dict[str, Any] | None
    pace: PaceOut
    balance: BalanceOut
    daily_quota: int | None = Field(description="messages of one campus on its day; null: not counted")
