"""What clients see of single messages and of how a channel does."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from services.batch_jobs.documents import Delivery, DeliveryState
from services.batch_jobs.schemas import DeliveryCounts
from services.ports import Channel
from utils.paging import PageQuery

MOST_DAYS = 92
DEFAULT_DAYS = 30


class DeliveryQuery(PageQuery):
    """``sort`` is ``id`` where a recipient or a job is named, else ``created_at``."""

    recipient_id: str | None = Field(None, max_length=64)
    job_id: str | None = Field(None, max_length=64)
    state: DeliveryState | None = None


class DeliveryOut(BaseModel):
    """One message to one person: never its text, never the address."""

    id: str
    job_id: str
    recipient_id: str
    name: str
    channel: Channel
    state: DeliveryState
    attempts: int = Field(description="calls of the provider")
    last_error: str | None
    provider_message_id: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def fields(cls, delivery: Delivery) -> dict[str, Any]:
        """Return what is shown of a stored delivery everywhere."""
        return {name: getattr(delivery, name) for name in DeliveryOut.model_fields}


class DeliveryNote(BaseModel):
    """One step. ``event`` is there when the provider told of it; ``at`` is then the provider's time."""

    state: DeliveryState
    at: datetime
    event: str | None = None
    reason: str | None = None


class DeliveryHistoryOut(DeliveryOut):
    """A message with everything that became of it, in the order in which it happened."""

    first_call_at: datetime | None
    resends: int = Field(description="how often it was sent anew because nobody knew whether it had left")
    history: list[DeliveryNote]

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Show a stored delivery."""
        notes = [DeliveryNote.model_validate(note) for note in delivery.history]
        return cls(
            **cls.fields(delivery),
            first_call_at=delivery.first_call_at,
            resends=delivery.resends,
            history=sorted(notes, key=lambda note: note.at),
        )


def _written_out(day: object) -> object:
    """Refuse numbers, which would be read as seconds since 1970."""
    if isinstance(day, str) and not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
        raise ValueError("must be a day like 2026-11-26")
    return day


Day: TypeAlias = Annotated[
    date, BeforeValidator(_written_out), Field(ge=date(2000, 1, 1), le=date(2999, 12, 31))
]


class StatisticsQuery(BaseModel):
    """Days in UTC, both included; the last 30 when nothing is said, at most 92."""

    model_config = ConfigDict(extra="forbid")

    begin: Day | None = Field(None, alias="from")
    end: Day | None = Field(None, alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.begin and self.end and not 0 <= (self.end - self.begin).days < MOST_DAYS:
            raise ValueError(f"from must not be after to, and at most {MOST_DAYS} days are counted")
        return self


class Rates(BaseModel):
    """Shares between 0 and 1; null where there is nothing to divide by.

    ``delivered`` and ``bounced`` are of the messages that left for certain, ``complained`` of those that
    arrived, ``failed`` and ``unknown`` of those that were tried.
    """

    delivered: float | None
    bounced: float | None
    complained: float | None
    failed: float | None
    unknown: float | None

    @classmethod
    def of(cls, counts: DeliveryCounts) -> Self:
        """Work out the rates of some messages."""
        arrived = counts.delivered + counts.complained
        left = counts.sent + arrived + counts.bounced
        tried = left + counts.failed + counts.unknown
        return cls(
            delivered=_share(arrived, left),
            bounced=_share(counts.bounced, left),
            complained=_share(counts.complained, arrived),
            failed=_share(counts.failed, tried),
            unknown=_share(counts.unknown, tried),
        )


class DayStatistics(DeliveryCounts):
    """The messages made on one day, by the state in which they are now."""

    date: date


class StatisticsOut(BaseModel):
    """How the messages of a channel did that were made between two days, both included."""

    model_config = ConfigDict(serialize_by_alias=True)

    channel: Channel
    begin: date = Field(serialization_alias="from")
    end: date = Field(serialization_alias="to")
    total: int
    counts: DeliveryCounts
    rates: Rates
    days: list[DayStatistics] = Field(description="days without a message are left out")


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
