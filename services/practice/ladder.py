"""What of practice is open to a student: a pure function of modules, what was reached, and overrides."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from services.questions.documents import QuestionModule

HUNDRED: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class Place:
    """A module, or a topic, a level or both of it; what is left out stands for all of them."""

    module: str
    topic: str | None = None
    level: str | None = None

    @property
    def around(self) -> Iterator["Place"]:
        """Yield this place and those that it lies in, the narrowest first."""
        yield self
        if self.level is not None and self.topic is not None:
            yield Place(self.module, self.topic)
            yield Place(self.module, level=self.level)
        if self.level is not None or self.topic is not None:
            yield Place(self.module)


class Action(StrEnum):
    """What an admin does to a place. ``lift`` takes it back: the rules of the ladder hold again."""

    UNLOCK = "unlock"
    LOCK = "lock"
    LIFT = "lift"


class Why(StrEnum):
    """Why a step is open or not: it is a first one, the one before was passed or not, or an admin said so."""

    START = "start"
    PASSED = "passed"
    UNLOCKED = "unlocked"
    NOT_PASSED = "not_passed"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Step:
    """One level of a module or of a topic. ``after`` is the step that opens it; ``best`` is in percent."""

    place: Place
    open: bool
    why: Why
    after: Place | None
    best: Decimal | None
    passed: bool

    @property
    def overridden(self) -> bool:
        """Whether an admin has decided."""
        return self.why in (Why.UNLOCKED, Why.LOCKED)


def ladder(
    modules: Sequence[QuestionModule], best: Mapping[Place, Decimal], overrides: Mapping[Place, Action]
) -> list[Step]:
    """Return every step in order. The narrowest override of a place decides, then whether the step before
    was passed; what an admin unlocks is open and not passed."""
    return [
        _step(module, place, after, best, overrides) for module in modules for place, after in _places(module)
    ]


def place_of(
    module: QuestionModule | None, topic: str | None = None, level: str | None = None
) -> Place | None:
    """Return the step that a test belongs to, without a level the first; None where the ladder has none."""
    if module is None or (topic is not None and topic not in module.topics):
        return None
    level = level or module.levels[0]
    return Place(module.id, topic, level) if level in module.levels else None


def percent(score: Decimal, most: Decimal) -> Decimal:
    """Return what part of the most a score is; a test that gives nothing is not passed by anybody."""
    return score * HUNDRED / most if most > 0 else Decimal(0)


def _step(
    module: QuestionModule,
    place: Place,
    after: Place | None,
    best: Mapping[Place, Decimal],
    overrides: Mapping[Place, Action],
) -> Step:
    def passed(one: Place) -> bool:
        return best.get(one, Decimal(-1)) >= module.pass_percent

    why = _overridden(place, overrides)
    if why is None and after is None:
        why = Why.START
    elif why is None and after is not None:
        why = Why.PASSED if passed(after) else Why.NOT_PASSED
    is_open = why not in (Why.LOCKED, Why.NOT_PASSED)
    return Step(place, is_open, why or Why.START, after, best.get(place), passed(place))


def _overridden(place: Place, overrides: Mapping[Place, Action]) -> Why | None:
    for one in place.around:
        if one in overrides:
            return Why.UNLOCKED if overrides[one] is Action.UNLOCK else Why.LOCKED
    return None


def _places(module: QuestionModule) -> Iterator[tuple[Place, Place | None]]:
    """Yield each step of a module and what opens it: the level before, or the first one of the topic before.

    The levels of the module as a whole stand before those of its topics.
    """
    first = module.levels[0]
    for number, topic in enumerate((None, *module.topics)):
        before: Place | None = Place(module.id, module.topics[number - 2], first) if number > 1 else None
        for level in module.levels:
            place = Place(module.id, topic, level)
            yield place, before
            before = place
