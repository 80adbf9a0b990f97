"""What lets messages flow or holds them back, put together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from config.settings import Settings
from services.audit.service import AuditService
from services.batch_jobs.channel_repository import ChannelRepository
from services.batch_jobs.channel_service import ChannelService
from services.batch_jobs.channels import Channels
from services.batch_jobs.gate import Gate
from services.batch_jobs.pacing import Pacer
from services.batch_jobs.quota import CampusTimes, DailyQuota
from services.batch_jobs.quota_repository import QuotaRepository
from services.batch_jobs.turn_repository import TurnRepository
from services.ports import Channel, MessageSender
from utils.clock import Clock
from utils.resilient_services import RetryBudget
from utils.store import Store


@dataclass(frozen=True, slots=True)
class Flow:
    """The gate that sending goes through, the channels behind it, and how people see both."""

    channels: Channels
    gate: Gate
    service: ChannelService

    @classmethod
    def over(
        cls,
        settings: Settings,
        store: Store,
        clock: Clock,
        audit: AuditService,
        senders: Mapping[Channel, MessageSender],
        pacer: Pacer,
        places: CampusTimes,
    ) -> Self:
        """Return the flow of one database."""
        channels = Channels(ChannelRepository(store), senders, store, audit, clock)
        quotas = {Channel.EMAIL: settings.daily_email_quota, Channel.SMS: settings.daily_sms_quota}
        gate = Gate(
            channels,
            pacer,
            DailyQuota(QuotaRepository(store), quotas, places),
            TurnRepository(store),
            {channel: RetryBudget(clock) for channel in senders},
            clock,
            settings.sub_batch_interval_seconds if settings.pacing == "interval" else None,
        )
        return cls(channels, gate, ChannelService(channels, gate, senders))
