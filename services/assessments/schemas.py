"""What clients send and see of tests, as those who make them."""

from datetime import datetime
from typing import Annotated, Any, Final, Self

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

from services.assessments.documents import (
    REMINDED_OVER,
    Assessment,
    AssessmentKind,
    Feedback,
    GradeMethod,
    PinnedSection,
)
from services.assessments.phases import Phase, phase_of
from services.assessments.repository import Seen
from services.ports import Channel
from services.questions.parts import QuestionType, Share
from services.questions.schemas import Id, Key, Tags
from services.questions.selection import MOST_PICKED
from utils.decimals import Amount
from utils.paging import PageQuery
from utils.text import tidy

MOST_SLOTS: Final = 300
MOST_CHOSEN: Final = 2_000


def _each_once(ids: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))


def _channels_once(channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
    return tuple(dict.fromkeys(channels))


Title = Annotated[str, StringConstraints(max_length=200), AfterValidator(tidy), Field(min_length=1)]
Ids = Annotated[tuple[Id, ...], Field(max_length=100), AfterValidator(_each_once)]
Chosen = Annotated[tuple[Id, ...], Field(max_length=MOST_CHOSEN), AfterValidator(_each_once)]
Reminders = Annotated[tuple[Channel, ...], Field(max_length=3), AfterValidator(_channels_once)]
Minutes = Annotated[int, Field(ge=1, le=1_440)]
Attempts = Annotated[int, Field(ge=1, le=1_000)]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SentPool(_Sent):
    """``pick`` questions of a module and level, all of it or what has one of ``tags``. Publishing picks."""

    module: Key
    level: Key
    tags: Tags = ()
    pick: Annotated[int, Field(ge=1, le=MOST_PICKED)]


class SentSlot(_Sent):
    """One question, or what a pool gives."""

    question_id: Id | None = None
    pool: SentPool | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.question_id is None) == (self.pool is None):
            raise ValueError("name either question_id or pool")
        return self


class SentSection(_Sent):
    title: Title
    slots: Annotated[tuple[SentSlot, ...], Field(max_length=MOST_SLOTS)]


class SentScoring(_Sent):
    """``negative``: the share of a mark that a wrong choice costs. ``floor``: the least that a test gives.

    ``decimal_comma``: numbers may be written with a comma.
    """

    negative: Share | None = None
    floor: Annotated[Amount, Field(ge=-100_000, le=100_000)] | None = None
    decimal_comma: bool = False


class SentReview(_Sent):
    """``feedback``: when practice tells what was right."""

    feedback: Feedback = Feedback.END


Sections = Annotated[tuple[SentSection, ...], Field(max_length=50)]


class AssessmentCreate(_Sent):
    """A test. Empty ``course_ids``, ``batch_ids`` or ``student_ids`` do not narrow its audience.

    An online test has a window; practice has none, and as many attempts as one likes where
    ``attempts_allowed`` is null. ``reminder_channels``: over what those who have not begun are reminded by
    themselves, 24 h and 1 h before an online test opens and, while it is open, after 6, 12, 24 h and then
    every 6 h; empty for no reminders.
    """

    name: Title
    kind: AssessmentKind
    module: Key | None = None
    level: Key | None = None
    topic: Key | None = None
    campus_id: Id | None = None
    course_ids: Ids = ()
    batch_ids: Ids = ()
    student_ids: Chosen = ()
    window_start_at: AwareDatetime | None = None
    window_end_at: AwareDatetime | None = None
    duration_minutes: Minutes
    attempts_allowed: Attempts | None = None
    sections: Sections = ()
    shuffle_questions: bool = False
    shuffle_options: bool = False
    scoring: SentScoring = SentScoring()
    review: SentReview = SentReview()
    grade_method: GradeMethod = GradeMethod.HIGHEST
    reminder_channels: Reminders = REMINDED_OVER


MAY_BE_NULL: Final = ("module", "level", "topic", "window_start_at", "window_end_at", "attempts_allowed")


class AssessmentUpdate(_Sent):
    """A change: what is absent stays.

    Of a published test name, window, duration, attempts and reminders may change.
    """

    name: Title | None = None
    module: Key | None = None
    level: Key | None = None
    topic: Key | None = None
    course_ids: Ids | None = None
    batch_ids: Ids | None = None
    student_ids: Chosen | None = None
    window_start_at: AwareDatetime | None = None
    window_end_at: AwareDatetime | None = None
    duration_minutes: Minutes | None = None
    attempts_allowed: Attempts | None = None
    sections: Sections | None = None
    shuffle_questions: bool | None = None
    shuffle_options: bool | None = None
    scoring: SentScoring | None = None
    review: SentReview | None = None
    grade_method: GradeMethod | None = None
    reminder_channels: Reminders | None = None

    @field_validator(
        *(name for name in AssessmentCreate.model_fields if name not in (*MAY_BE_NULL, "kind", "campus_id")),
        mode="before",
    )
    @classmethod
    def _not_null(cls, given: Any) -> Any:
        if given is None:
            raise ValueError("cannot be null; leave it out to keep it")
        return given


class AssessmentClone(_Sent):
    """``name``: what the copy is called; left out, ``Copy of …``."""

    name: Title | None = None


class AssessmentQuery(PageQuery):
    """``sort`` is ``created_at`` or ``-created_at``. ``state`` is the stored one, never open."""

    campus_id: Id | None = None
    course_id: Id | None = None
    batch_id: Id | None = None
    kind: AssessmentKind | None = None
    state: Annotated[str, Field(pattern="^(draft|published|cancelled|archived)$")] | None = None


class PinnedSlotOut(BaseModel):
    slot: str
    question_id: str
    version: int
    type: QuestionType
    mark: Amount


class PinnedSectionOut(BaseModel):
    title: str
    slots: list[PinnedSlotOut]

    @classmethod
    def of(cls, section: PinnedSection) -> Self:
        """Show what publishing pinned."""
        slots = [
            PinnedSlotOut(version=int(slot.version_id.rpartition(":")[2]), **slot.model_dump())
            for slot in section.slots
        ]
        return cls(title=section.title, slots=slots)


class AssessmentRow(BaseModel):
    """A test as lists show it. ``state`` is also ``open`` or ``closed``, as the window and the clock say."""

    id: str
    name: str
    kind: AssessmentKind
    state: Phase
    module: str | None
    level: str | None
    topic: str | None
    campus_id: str
    course_ids: list[str]
    batch_ids: list[str]
    window_start_at: datetime | None
    window_end_at: datetime | None
    duration_minutes: int
    attempts_allowed: int | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    revision: int


class AssessmentOut(AssessmentRow):
    """A test as those who make it see it. ``blueprint``: what publishing pinned, empty before.

    ``next_reminder_at``: when those who have not begun are reminded next; null where no reminder is due.
    """

    student_ids: list[str]
    sections: list[SentSection]
    shuffle_questions: bool
    shuffle_options: bool
    scoring: SentScoring
    review: SentReview
    grade_method: GradeMethod
    reminder_channels: list[Channel]
    next_reminder_at: datetime | None
    blueprint: list[PinnedSectionOut]


def shown(seen: Seen) -> dict[str, Any]:
    """Return the fields of a test as they are shown."""
    test: Assessment = seen.test
    return {
        **test.model_dump(exclude={"blueprint", "state", "feedback", "reminders_by"}),
        "state": phase_of(test, seen.now),
        "review": {"feedback": test.feedback},
        "blueprint": [PinnedSectionOut.of(section) for section in test.blueprint],
    }
