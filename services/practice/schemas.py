"""What clients send and see of practice."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from services.practice.documents import Override
from services.practice.ladder import Action, Place, Step, Why
from services.practice.standing import Standing, Tried
from services.questions.documents import QuestionModule
from services.questions.schemas import Key
from utils.decimals import Amount, rounded
from utils.text import tidy

PERCENT_PLACES: Final = 2
Reason = Annotated[str, AfterValidator(tidy), StringConstraints(min_length=3, max_length=500)]


class OverrideIn(BaseModel):
    """Without ``topic`` or ``level`` it is about all of them; ``lift`` takes an earlier one back."""

    model_config = ConfigDict(extra="forbid")

    module: Key
    topic: Key | None = None
    level: Key | None = None
    action: Action
    reason: Reason

    @property
    def place(self) -> Place:
        """What it is about."""
        return Place(self.module, self.topic, self.level)


class OverrideOut(BaseModel):
    """One decision of a student's history; also the payload of the event ``practice:changed``."""

    id: str
    student_id: str
    number: int
    module: str
    topic: str | None
    level: str | None
    action: Action
    reason: str
    created_by: str
    created_at: datetime

    @classmethod
    def of(cls, override: Override) -> Self:
        """Show a stored decision."""
        return cls(**{name: getattr(override, name) for name in cls.model_fields})


class PlaceOut(BaseModel):
    module: str
    topic: str | None
    level: str | None

    @classmethod
    def of(cls, place: Place) -> Self:
        """Show a place."""
        return cls(module=place.module, topic=place.topic, level=place.level)


class StepOut(BaseModel):
    """One level of a module (``topic`` null) or of a topic. ``after`` opens it; ``best`` is in percent."""

    topic: str | None
    level: str | None
    open: bool
    why: Why
    after: PlaceOut | None
    passed: bool
    best: Amount | None
    attempts: int
    last_at: datetime | None

    @classmethod
    def of(cls, step: Step, tried: Tried | None) -> Self:
        """Show a step of a student's."""
        return cls(
            topic=step.place.topic,
            level=step.place.level,
            open=step.open,
            why=step.why,
            after=PlaceOut.of(step.after) if step.after else None,
            passed=step.passed,
            best=shown(step.best),
            attempts=tried.attempts if tried else 0,
            last_at=tried.last_at if tried else None,
        )


class Passed(BaseModel):
    """How many steps of a module are passed, out of how many, in how many attempts."""

    passed: int
    total: int
    attempts: int

    @classmethod
    def of(cls, steps: Sequence[Step], standing: Standing) -> Self:
        """Add up steps of a student's."""
        tried = [standing.places[step.place].attempts for step in steps if step.place in standing.places]
        return cls(passed=sum(step.passed for step in steps), total=len(steps), attempts=sum(tried))


class ModuleProgress(Passed):
    """How far a student is in one module. ``pass_percent`` of a step opens the next."""

    module: str
    name: str
    pass_percent: int
    steps: list[StepOut]


class Progress(BaseModel):
    """How far a student is in practice, module by module. No exam counts."""

    student_id: str
    modules: list[ModuleProgress]

    @classmethod
    def of(cls, student_id: str, modules: Iterable[QuestionModule], standing: Standing) -> Self:
        """Show a standing."""
        return cls(student_id=student_id, modules=[_module(one, standing) for one in modules])


class ProgressRow(BaseModel):
    """How far a student is, as lists show it: by module, where there was an attempt."""

    id: str
    name: str
    roll_number: str
    batch_id: str
    attempts: int
    last_at: datetime | None
    modules: dict[str, Passed]


class StepCounts(BaseModel):
    """How many students of a batch have tried and passed a step."""

    topic: str | None
    level: str | None
    tried: int
    passed: int


class ModuleCounts(BaseModel):
    """One module in a batch. ``mean_best``: the mean of what was reached in each step tried, in percent."""

    module: str
    name: str
    practising: int
    attempts: int
    mean_best: Amount | None
    steps: list[StepCounts]


class BatchProgress(BaseModel):
    """How far a batch is in practice: its active students who are yours. No exam counts."""

    batch_id: str
    students: int
    practising: int
    modules: list[ModuleCounts]


def shown(percent: Decimal | None) -> Decimal | None:
    """Return a percentage as people see it."""
    return None if percent is None else rounded(percent, PERCENT_PLACES)


def _module(module: QuestionModule, standing: Standing) -> ModuleProgress:
    steps = [step for step in standing.steps if step.place.module == module.id]
    return ModuleProgress(
        **Passed.of(steps, standing).model_dump(),
        module=module.id,
        name=module.name,
        pass_percent=module.pass_percent,
        steps=[StepOut.of(step, standing.places.get(step.place)) for step in steps],
    )
