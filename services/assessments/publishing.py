"""The life of a test: a draft is published, a published one cancelled, what is over archived."""

from typing import Any, Final

from models import Actor
from services.assessments.blueprints import Blueprints
from services.assessments.documents import AssessmentKind, AssessmentPaper, AssessmentState
from services.assessments.exams import Sittings
from services.assessments.ground import AssessmentGround
from services.assessments.phases import Phase, phase_of
from services.assessments.problems import (
    AssessmentIsNoDraft,
    AssessmentIsOver,
    AssessmentNotReady,
    AssessmentStillRuns,
)
from services.assessments.reminding import next_reminder
from services.assessments.repository import NOT_OVER, OVER, PaperRepository, Seen
from services.assessments.schemas import AssessmentOut
from services.questions.selection import QuestionSelection
from utils.scope import Scope

PAST: Final = (("/window_end_at", "is in the past"),)


class Publishing:
    """Takes tests from one state to the next, each step once, on record."""

    def __init__(
        self,
        ground: AssessmentGround,
        blueprints: Blueprints,
        papers: PaperRepository,
        selection: QuestionSelection,
        sittings: Sittings,
    ) -> None:
        self._ground, self._blueprints, self._papers = ground, blueprints, papers
        self._selection, self._sittings = selection, sittings

    def publish(self, test_id: str, revision: int | None, actor: Actor) -> AssessmentOut:
        """Freeze what a draft asks and write its paper; students of its audience may begin in its window."""

        def work() -> None:
            seen = self._ground.own(test_id, actor, revision)
            if seen.test.state is not AssessmentState.DRAFT:
                raise AssessmentIsNoDraft()
            if phase_of(seen.test.model_copy(update={"state": AssessmentState.PUBLISHED}), seen.now) is (
                Phase.CLOSED
            ):
                raise AssessmentNotReady.of(PAST)
            self._freeze(seen, actor)

        self._ground.store.atomically(work)
        return self._ground.shown(test_id, actor)

    def cancel(self, test_id: str, revision: int | None, actor: Actor) -> AssessmentOut:
        """Let nobody begin a test any more."""

        def work() -> None:
            seen = self._ground.own(test_id, actor, revision)
            if seen.test.state is AssessmentState.ARCHIVED:
                raise AssessmentIsOver()
            self._move(seen, AssessmentState.CANCELLED, actor)

        self._ground.store.atomically(work)
        return self._ground.shown(test_id, actor)

    def archive(self, test_id: str, revision: int | None, actor: Actor) -> AssessmentOut:
        """Put a test away that is over, cancelled, a draft or practice."""

        def work() -> None:
            seen = self._ground.own(test_id, actor, revision)
            online = seen.test.kind is AssessmentKind.ONLINE
            if online and self._still_runs(seen):
                raise AssessmentStillRuns()
            over = OVER if online and seen.test.state is AssessmentState.PUBLISHED else {}
            self._move(seen, AssessmentState.ARCHIVED, actor, over)

        self._ground.store.atomically(work)
        return self._ground.shown(test_id, actor)

    def _still_runs(self, seen: Seen) -> bool:
        """Tell whether a window lies ahead, or somebody has more time than it leaves."""
        ahead = phase_of(seen.test, seen.now) in (Phase.PUBLISHED, Phase.OPEN)
        return ahead or self._sittings.running(seen.test.campus_id, seen.test.id)

    def _freeze(self, seen: Seen, actor: Actor) -> None:
        test, scope = seen.test, Scope.campus(seen.test.campus_id)
        blueprint = self._blueprints.of(test)
        fields = {
            "state": AssessmentState.PUBLISHED,
            "blueprint": [section.model_dump() for section in blueprint.sections],
            "published_at": "$$NOW",
            "next_reminder_at": next_reminder(test, seen.now),
            "reminders_by": actor.id,
        }
        in_time = NOT_OVER if test.kind is AssessmentKind.ONLINE else {}
        published = self._ground.change(seen, fields, in_time)
        paper = AssessmentPaper(
            id=test.id, campus_id=test.campus_id, course_ids=test.course_ids, sections=blueprint.paper
        )
        self._papers.add(scope, paper)
        self._selection.count_use(blueprint.questions)
        self._ground.record("test.published", published, actor, questions=len(blueprint.questions))

    def _move(
        self, seen: Seen, state: AssessmentState, actor: Actor, only: dict[str, Any] | None = None
    ) -> None:
        if seen.test.state is not state:
            changed = self._ground.change(seen, {"state": state}, only)
            self._ground.record(f"test.{state}", changed, actor, before=seen.test.state)
