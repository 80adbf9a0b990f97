"""What clients send and see of the exam room."""

from datetime import datetime
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.assessments.phases import Phase
from services.attempts.documents import ClosedBy
from services.attempts.standing_repository import Standing
from services.exam_room.documents import ExamOrder, OrderKind
from utils.paging import PageQuery
from utils.text import tidy

MOST_MINUTES: Final = 600
MOST_NAMED: Final = 500


def _each_once(ids: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))


Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Ids = Annotated[tuple[Id, ...], Field(max_length=MOST_NAMED), AfterValidator(_each_once)]
Minutes = Annotated[int, Field(ge=1, le=MOST_MINUTES)]
Reason = Annotated[str, StringConstraints(max_length=300), AfterValidator(tidy), Field(min_length=3)]


class Whom(BaseModel):
    """Whom an order is about: those who sit the test now, as far as these ids leave them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_ids: Ids = ()
    student_ids: Ids = ()
    reason: Reason


class Extend(Whom):
    """``minutes`` more for each, beyond the window as well."""

    minutes: Minutes


class Compensate(Whom):
    """What each has lost in gaps and was not given back yet, at most ``most_minutes``; or ``minutes``.

    Also for whoever was cut off when their time ended, within the last day: their attempt is opened again and
    goes on from now, unless its score was released or they have begun another.
    """

    minutes: Minutes | None = None
    most_minutes: Minutes = MOST_MINUTES


class Close(Whom):
    """Their attempts end now, and what was saved is scored."""


class OrderOut(BaseModel):
    """An order. ``reached``: how many attempts it changed; null while it is still being carried out."""

    id: str
    test_id: str
    kind: OrderKind
    batch_ids: list[str]
    student_ids: list[str]
    seconds: int | None
    most_seconds: int | None
    reason: str
    ordered_by: str
    at: datetime
    reached: int | None

    @classmethod
    def of(cls, order: ExamOrder) -> Self:
        """Show a stored order."""
        return cls(**{name: getattr(order, name) for name in cls.model_fields})


class StandingCounts(BaseModel):
    not_started: int = 0
    active: int = 0
    idle: int = 0
    disconnected: int = 0
    submitted: int = 0


class ExamStatus(BaseModel):
    """How a test goes now; also the payload of ``exam:status``. ``id`` is the test's, ``total`` its audience.

    ``idle``: nothing new was answered for three minutes. ``disconnected``: nothing was heard for a minute.
    """

    id: str
    campus_id: str
    name: str
    state: Phase
    window_start_at: datetime | None
    window_end_at: datetime | None
    duration_minutes: int
    total: int
    counts: StandingCounts
    server_time: datetime


class SitterQuery(PageQuery):
    """Those of a batch, or who stand somewhere. ``sort`` is ``name`` or ``-name``."""

    batch_id: Id | None = None
    standing: Standing | None = None


class SitterOut(BaseModel):
    """A student of a test's audience; of those who have begun, how their latest attempt stands.

    ``held``: a login may save to it. ``flags`` count what was reported (a lost focus, a paste); they change
    no mark.
    """

    student_id: str
    name: str
    roll_number: str
    batch_id: str
    standing: Standing
    attempt_id: str | None = None
    number: int | None = None
    answered: int = 0
    started_at: datetime | None = None
    deadline: datetime | None = None
    last_seen_at: datetime | None = None
    granted_seconds: int = 0
    gap_seconds: int = 0
    flags: int = 0
    held: bool = False
    submitted_at: datetime | None = None
    closed_by: ClosedBy | None = None
