"""What clients ask of the audit log, and see of it."""

from datetime import datetime
from typing import Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.audit.documents import AuditRecord
from services.audit.verifying import ChainState
from utils.paging import PageQuery


class AuditFilter(BaseModel):
    """What narrows the log. ``campus_id``: a campus, or ``platform`` for what belongs to none."""

    model_config = ConfigDict(extra="forbid")

    action: str | None = Field(None, max_length=64)
    actor_id: str | None = Field(None, max_length=64)
    target: str | None = Field(None, max_length=200)
    campus_id: str | None = Field(None, max_length=64)
    begin: AwareDatetime | None = Field(None, alias="from")
    until: AwareDatetime | None = None


class AuditQuery(AuditFilter, PageQuery):
    """A page of the log; ``sort`` is ``at``."""


class AuditOut(BaseModel):
    """One action. ``seq`` and ``hash`` are its place in the chain of its campus, null for a few seconds."""

    id: str
    at: datetime
    campus_id: str | None
    action: str
    actor_id: str
    actor_name: str | None = Field(description="null for who is gone, or not of your place")
    target: str
    detail: dict[str, Any]
    request_id: str
    seq: int | None
    hash: str | None

    @classmethod
    def of(cls, record: AuditRecord, actor_name: str | None) -> Self:
        """Show a stored row."""
        return cls(**record.model_dump(exclude={"mac", "prev"}), actor_name=actor_name)


class ChainQuery(BaseModel):
    """Which chain: a campus, or ``platform``; without, the own campus, or the platform for who has none."""

    model_config = ConfigDict(extra="forbid")

    campus_id: str | None = Field(None, max_length=64)


class ChainOut(BaseModel):
    """How a chain does, by its newest rows. ``broken_seq``: the first row that is not as it was written."""

    campus_id: str | None
    seq: int = Field(description="how many rows are sealed")
    hash: str
    waiting: int = Field(description="rows that are not sealed yet, counted up to 1,000")
    checked: int = Field(description="how many of the newest rows were checked just now")
    broken_seq: int | None
    broken_why: str | None

    @classmethod
    def of(cls, state: ChainState) -> Self:
        """Show what a check has found."""
        broken = state.broken
        return cls(
            campus_id=state.campus_id,
            seq=state.seq,
            hash=state.hash,
            waiting=state.waiting,
            checked=state.rows,
            broken_seq=broken.seq if broken else None,
            broken_why=broken.what if broken else None,
        )
