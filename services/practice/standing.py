"""How students stand in practice: the ladder over what they reached and what admins decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from services.assessments.documents import Assessment
from services.practice.ladder import Action, Place, Step, ladder, percent, place_of
from services.practice.repository import OverrideRepository
from services.questions.documents import QuestionModule
from services.questions.modules import ModuleService
from services.results.progress_repository import PracticeFigure, ProgressRepository
from utils.scope import Scope


@dataclass(frozen=True, slots=True)
class Tried:
    """What a student did at a place, or in one test. ``best`` is in percent."""

    attempts: int
    best: Decimal
    last_at: datetime

    def also(self, other: "Tried | None") -> "Tried":
        """Return both together."""
        if other is None:
            return self
        return Tried(
            self.attempts + other.attempts, max(self.best, other.best), max(self.last_at, other.last_at)
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """One student's: every step, and what was tried by place and by test."""

    steps: tuple[Step, ...]
    places: Mapping[Place, Tried]
    tests: Mapping[str, Tried]

    def step(self, place: Place | None) -> Step | None:
        """Return the step at a place; None where the ladder has none."""
        return next((step for step in self.steps if step.place == place), None)


class Standings:
    """Works out how students stand, in three reads for however many."""

    def __init__(
        self, modules: ModuleService, figures: ProgressRepository, overrides: OverrideRepository
    ) -> None:
        self._modules, self._figures, self._overrides = modules, figures, overrides

    def of(self, scope: Scope, student_ids: Sequence[str]) -> Mapping[str, Standing]:
        """Return the standing of each of these students, all of whom lie in the scope."""
        modules, overrides = self._modules.all(), self._overrides.holding(scope, student_ids)
        figures: dict[str, list[PracticeFigure]] = {student_id: [] for student_id in student_ids}
        for figure in self._figures.practice(scope, student_ids):
            figures[figure.student_id].append(figure)
        return {one: _standing(modules, figures[one], overrides[one]) for one in student_ids}

    def of_one(self, student_id: str, campus_id: str | None) -> Standing:
        """Return the standing of one student."""
        return self.of(Scope.own(student_id, campus_id), [student_id])[student_id]

    def modules(self) -> Mapping[str, QuestionModule]:
        """Return all modules in order, by key."""
        return {module.id: module for module in self._modules.all()}


def place_in(modules: Mapping[str, QuestionModule], test: Assessment) -> Place | None:
    """Return the step that a test belongs to; None where it names no module, or one that has no such step."""
    return place_of(modules.get(test.module or ""), test.topic, test.level)


def _standing(
    modules: Sequence[QuestionModule], figures: Sequence[PracticeFigure], overrides: Mapping[Place, Action]
) -> Standing:
    named = {module.id: module for module in modules}
    places: dict[Place, Tried] = {}
    tests: dict[str, Tried] = {}
    for one in figures:
        tried = Tried(one.attempts, percent(one.best, one.most), one.last_at)
        tests[one.test_id] = tried.also(tests.get(one.test_id))
        place = place_of(named.get(one.module or ""), one.topic, one.level)
        if place is not None:
            places[place] = tried.also(places.get(place))
    best = {place: tried.best for place, tried in places.items()}
    return Standing(tuple(ladder(modules, best, overrides)), places, tests)
