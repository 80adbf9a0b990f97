"""What clients see of batch jobs."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from services.batch_jobs.documents import (
    OPEN_STATES,
    BatchJob,
    BatchJobState,
    Delivery,
    DeliveryState,
    JobType,
)
from services.ports import Channel
from utils.paging import PageQuery


class SubBatchCounts(BaseModel):
    total: int
    done: int


class DeliveryCounts(BaseModel):
    """Deliveries by state; their sum is the job's ``total``."""

    pending: int = 0
    sending: int = 0
    sent: int = 0
    delivered: int = 0
    bounced: int = 0
    complained: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0


class BatchJobOut(BaseModel):
    """A job as clients see it; also the payload of the ``batch_job:progress`` event."""

    id: str
    type: JobType
    state: BatchJobState
    total: int = Field(description="deliveries: one per recipient and channel")
    counts: DeliveryCounts
    percent: float = Field(description="share of deliveries that are neither pending nor sending, 0 to 100")
    sub_batches: SubBatchCounts
    rate_per_s: float
    eta_s: float | None
    waiting_reason: str | None = Field(description="why messages wait just now, by channel")
    created_by: str
    created_at: datetime
    start_at: datetime | None = Field(description="when it is to begin; null: at once")
    started_at: datetime | None
    finished_at: datetime | None = Field(description="of a cancelled job: when what was on its way had ended")
    summarised_at: datetime | None = Field(
        description="when its messages had outlived their time; its counts stay, they are deleted"
    )

    @classmethod
    def of(cls, job: BatchJob, now: datetime) -> Self:
        """Show a stored job with the counts it holds."""
        total = sum(job.counts.values())
        waiting = sum(job.counts.get(state, 0) for state in OPEN_STATES)
        rate = _rate(job, total - waiting, now)
        running = job.state is BatchJobState.RUNNING
        return cls(
            id=job.id,
            type=job.type,
            state=job.state,
            total=total,
            counts=DeliveryCounts(**job.counts),
            percent=round(100 * (total - waiting) / total, 1) if total else 0.0,
            sub_batches=SubBatchCounts(total=job.sub_batches, done=job.sub_batches_done),
            rate_per_s=round(rate, 1),
            eta_s=round(waiting / rate, 1) if running and rate > 0 else None,
            waiting_reason=_waiting(job, now) if waiting else None,
            created_by=job.created_by,
            created_at=job.created_at,
            start_at=job.start_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            summarised_at=job.summarised_at,
        )


def _rate(job: BatchJob, done: int, now: datetime) -> float:
    if job.started_at is None:
        return 0.0
    seconds = ((job.finished_at or now) - job.started_at).total_seconds()
    return done / seconds if seconds > 0 else 0.0


def _waiting(job: BatchJob, now: datetime) -> str | None:
    said = [f"{channel}: {wait.reason}" for channel, wait in job.waiting.items() if wait.until > now]
    return "; ".join(said) or None


class BatchJobQuery(PageQuery):
    state: BatchJobState | None = None
    type: JobType | None = None


class RetryFailed(BaseModel):
    """``include_unknown``: also those that may have arrived; some people will get the message twice."""

    model_config = ConfigDict(extra="forbid")

    include_unknown: bool = False


class RecipientQuery(PageQuery):
    state: DeliveryState | None = None


class RecipientOut(BaseModel):
    """One delivery: what became of one message to one person."""

    recipient_id: str
    name: str
    channel: Channel
    state: DeliveryState
    attempts: int
    last_error: str | None
    provider_message_id: str | None
    updated_at: datetime

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Show a stored delivery, without its address and parameters."""
        return cls(
            recipient_id=delivery.recipient_id,
            name=delivery.name,
            channel=delivery.channel,
            state=delivery.state,
            attempts=delivery.attempts,
            last_error=delivery.last_error,
            provider_message_id=delivery.provider_message_id,
            updated_at=delivery.updated_at,
        )
