"""Puts this area together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from config.settings import Settings
from services.audit.service import AuditService
from services.batch_jobs.composing import Composer
from services.batch_jobs.control import BatchJobControl
from services.batch_jobs.control_repository import BatchJobStore
from services.batch_jobs.dead_letters import DeadLetters
from services.batch_jobs.documents import JobType
from services.batch_jobs.gate import Gate
from services.batch_jobs.lifecycle import Lifecycle
from services.batch_jobs.precautions import Precautions
from services.batch_jobs.progress import Announcer
from services.batch_jobs.report import Reports
from services.batch_jobs.retention import Retention
from services.batch_jobs.retention_repository import RetentionRepository
from services.batch_jobs.retrying import Retrying
from services.batch_jobs.sending import Rights, SubBatchSending
from services.batch_jobs.service import BatchJobService
from services.notifications.texts import MessageTexts
from services.ports import Channel, JobEngine, MessageSender, ProgressFeed
from utils.clock import Clock
from utils.store import Store


@dataclass(frozen=True, slots=True)
class BatchJobArea:
    """What the rest may use of batch jobs."""

    stored: BatchJobStore
    service: BatchJobService
    announcer: Announcer
    lifecycle: Lifecycle
    control: BatchJobControl
    dead_letters: DeadLetters
    reports: Reports
    retrying: Retrying
    retention: Retention
    senders: Mapping[Channel, MessageSender]

    @classmethod
    def over(
        cls,
        settings: Settings,
        store: Store,
        clock: Clock,
        audit: AuditService,
        engine: JobEngine,
        texts: MessageTexts,
        senders: Mapping[Channel, MessageSender],
        feed: ProgressFeed,
    ) -> Self:
        """Return the area on one database."""
        stored, size = BatchJobStore.over(store), settings.sub_batch_size
        service = BatchJobService(stored.jobs, stored.deliveries, store, engine, texts, senders, clock, size)
        announcer = Announcer(stored.jobs, service, feed)
        lifecycle = Lifecycle(stored, engine, audit, announcer, clock)
        retrying = Retrying(stored, engine, service, senders, size)
        old = RetentionRepository(store)
        return cls(
            stored=stored,
            service=service,
            announcer=announcer,
            lifecycle=lifecycle,
            control=BatchJobControl(stored, engine, service, lifecycle, retrying, announcer),
            dead_letters=DeadLetters(stored, service, lifecycle, retrying, announcer),
            reports=Reports(stored, audit),
            retrying=retrying,
            retention=Retention(stored, old, engine, clock, settings.job_retention_days),
            senders=senders,
        )

    def sending(
        self,
        composers: Mapping[JobType, Composer],
        rights: Rights,
        precautions: Precautions,
        gate: Gate,
    ) -> SubBatchSending:
        """Return what sends sub-batches, with what later areas know of messages and rights."""
        return SubBatchSending(
            self.stored.jobs,
            self.stored.deliveries,
            self.senders,
            composers,
            self.lifecycle,
            rights,
            precautions,
            gate,
        )
