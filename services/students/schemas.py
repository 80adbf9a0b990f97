"""What clients send and see of students."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from services.batch_jobs.documents import DeliveryState, RepeatPolicy
from services.ports import LinkChannel
from services.students.documents import StudentStatus
from utils.identifiers import email_of, name_of, roll_number_of
from utils.paging import PageQuery

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Ids = Annotated[tuple[Id, ...], Field(min_length=1, max_length=500)]
Name = Annotated[str, StringConstraints(max_length=400), AfterValidator(name_of)]
RollNumber = Annotated[str, StringConstraints(max_length=200), AfterValidator(roll_number_of)]
Email = Annotated[str, StringConstraints(max_length=254), AfterValidator(email_of)]
Mobile = Annotated[str, StringConstraints(max_length=40)]  # its country is a setting: read by the service
Channels = Annotated[tuple[LinkChannel, ...], Field(min_length=1, max_length=2)]


class StudentCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    roll_number: RollNumber
    batch_id: Id
    course_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=50)]
    email: Email | None = None
    mobile_number: Mobile | None = None


class StudentUpdate(BaseModel):
    """A change: what is absent stays; null empties an email or mobile."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    email: Email | None = None
    mobile_number: Mobile | None = None
    status: StudentStatus | None = None

    @field_validator("name", "status", mode="before")
    @classmethod
    def _not_null(cls, given: Any) -> Any:
        if given is None:
            raise ValueError("cannot be null; leave it out to keep it")
        return given


class StudentQuery(PageQuery):
    """``search`` finds words by how they begin, in names, roll numbers and mobile numbers.

    ``sort`` is ``name``, ``roll_number`` or ``created_at``, with ``-`` in front for descending.
    """

    search: str | None = Field(None, min_length=2, max_length=100)
    campus_id: Id | None = None
    course_id: Id | None = None
    batch_id: Id | None = None
    status: StudentStatus | None = None


class StudentIds(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ids: Ids


class BulkOutcome(BaseModel):
    """What became of one id: ``deleted``, or why not, as the slug of a problem and in words."""

    id: str
    deleted: bool
    problem: str | None = None
    reason: str | None = None


class BulkDeleteOut(BaseModel):
    items: list[BulkOutcome]


class SendCredentials(BaseModel):
    """Send one-time links to some students or to a batch.

    ``only_failed``: only to those who were written to over one of ``channels``, and whom none has reached.
    ``confirm_recipients``: how many students are meant, where they are more than 500: the number that the
    refusal without it names.
    ``start_at``: nothing is sent before then (in the future, at most 90 days ahead), and a link that somebody
    has already holds until then; absent: at once.
    ``policy``: what becomes of a message of which nobody knows whether it left. ``at_most_once``: it stays
    unknown unless the provider tells; ``at_least_once``: after a while it is sent once more.
    """

    model_config = ConfigDict(extra="forbid")

    student_ids: Ids | None = None
    batch_id: Id | None = None
    channels: Channels
    only_failed: bool = False
    confirm_recipients: int | None = Field(None, ge=1)
    start_at: AwareDatetime | None = None
    policy: RepeatPolicy = RepeatPolicy.AT_MOST_ONCE

    @model_validator(mode="after")
    def one_of_both(self) -> "SendCredentials":
        """Refuse neither and both."""
        if (self.student_ids is None) == (self.batch_id is None):
            raise ValueError("name either student_ids or batch_id")
        return self


class AccountState(BaseModel):
    """Whether the student has set a password, and logged in."""

    activated: bool
    first_login_at: datetime | None
    last_login_at: datetime | None


class LastDelivery(BaseModel):
    """What became of the newest message over each channel; null where there was none."""

    email: DeliveryState | None = None
    sms: DeliveryState | None = None


class StudentOut(BaseModel):
    id: str
    name: str
    roll_number: str
    username: str
    email: str | None
    mobile_number: str | None
    campus_id: str
    batch_id: str
    course_ids: list[str]
    status: StudentStatus
    account: AccountState
    delivery: LastDelivery
    created_at: datetime
    updated_at: datetime
    revision: int
