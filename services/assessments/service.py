"""Tests as those who make them use them: planned, listed, changed, cloned, removed while they are drafts."""

from typing import Any, Final

from models import Actor
from services.assessments.checking import PlanChecks
from services.assessments.documents import Assessment, AssessmentKind, AssessmentState
from services.assessments.ground import AssessmentGround
from services.assessments.problems import AssessmentIsNoDraft, AssessmentIsOver, BlueprintIsFrozen
from services.assessments.reminding import next_reminder
from services.assessments.repository import Seen
from services.assessments.retiming import Retiming
from services.assessments.schemas import (
    AssessmentCreate,
    AssessmentOut,
    AssessmentQuery,
    AssessmentRow,
    AssessmentUpdate,
)
from services.campuses.lookup import PlaceLookup
from utils.clock import Clock
from utils.paging import Keyset, PageOf
from utils.problems import Invalid
from utils.scope import Scope

SORTS: Final = {"created_at": "_id"}  # ids grow with time
AFTER_PUBLISHING: Final = frozenset(
    {
        "name",
        "window_start_at",
        "window_end_at",
        "duration_minutes",
        "attempts_allowed",
        "reminder_channels",
    }
)
WHEN_REMINDED: Final = frozenset({"window_start_at", "window_end_at", "reminder_channels"})
TIMES: Final = frozenset({"window_end_at", "duration_minutes"})
FRESH: Final = {
    "state",
    "blueprint",
    "published_at",
    "next_reminder_at",
    "reminders_by",
    "revision",
    "created_by",
    "created_at",
    "updated_at",
}


class AssessmentService:
    """Makes, shows and changes tests."""

    def __init__(
        self,
        ground: AssessmentGround,
        checks: PlanChecks,
        places: PlaceLookup,
        clock: Clock,
        retiming: Retiming | None = None,
    ) -> None:
        self._ground, self._checks, self._places, self._clock = ground, checks, places, clock
        self._retiming = retiming

    def create(self, wanted: AssessmentCreate, actor: Actor) -> AssessmentOut:
        """Store a new draft. Without ``campus_id`` it is the own campus's."""
        given = wanted.model_dump()
        given["feedback"] = given.pop("review")["feedback"]
        given["campus_id"] = wanted.campus_id or actor.scope.campus_id
        if given["campus_id"] is None:
            raise Invalid.field("campus_id", "is needed: you are of no campus yourself")
        return self._add(given, "test.created", actor)

    def get(self, test_id: str, actor: Actor) -> AssessmentOut:
        """Return a test; one that the actor may not see does not exist."""
        return self._ground.shown(test_id, actor)

    def list_tests(self, query: AssessmentQuery, actor: Actor) -> PageOf[AssessmentRow]:
        """Return a page of tests, the newest first."""
        keyset = Keyset.of(query, SORTS, "-created_at")
        scope = self._places.narrowed(actor.scope, query.campus_id, query.batch_id, query.course_id)
        if scope is None:
            return PageOf(items=[], next_cursor=None)
        named = {"batch_ids": query.batch_id, "kind": query.kind, "state": query.state}
        wanted = {name: value for name, value in named.items() if value is not None}
        rows = self._ground.tests.list_rows(scope, wanted, keyset)
        page = keyset.page(rows, Seen.of)
        return PageOf(items=self._ground.views.rows(page.items, actor), next_cursor=page.next_cursor)

    def change(
        self, test_id: str, wanted: AssessmentUpdate, revision: int | None, actor: Actor
    ) -> AssessmentOut:
        """Change a test that nobody else changed meanwhile; what runs follows a new window or duration."""
        given = wanted.model_dump(exclude_unset=True)
        if "review" in given:
            given["feedback"] = given.pop("review")["feedback"]

        def work() -> None:
            seen = self._ground.own(test_id, actor, revision)
            fields = _changing(seen.test, given)
            if not fields:
                return
            after = Assessment.model_validate({**seen.test.model_dump(), **fields})
            self._checks.accept(after, actor, list(fields))
            stored = after.model_dump(include=set(fields))
            published = seen.test.state is AssessmentState.PUBLISHED
            if published and WHEN_REMINDED & fields.keys():
                stored |= {"next_reminder_at": next_reminder(after, seen.now), "reminders_by": actor.id}
            changed = self._ground.change(seen, stored)
            self._ground.record("test.changed", changed, actor, fields=sorted(fields))
            if self._retiming is not None and published and TIMES & fields.keys():
                self._retiming.retimed(changed.test, actor)

        self._ground.store.atomically(work)
        return self._ground.shown(test_id, actor)

    def clone(self, test_id: str, name: str | None, actor: Actor) -> AssessmentOut:
        """Store a new draft that plans the same."""
        source = self._ground.own(test_id, actor).test
        plan = source.model_dump(exclude=FRESH | {"id"})
        plan["name"] = name or f"Copy of {source.name}"[:200]
        return self._add(plan, "test.cloned", actor, of=source.id)

    def remove(self, test_id: str, actor: Actor) -> None:
        """Remove a draft."""

        def work() -> None:
            seen = self._ground.own(test_id, actor)
            if not self._ground.tests.remove_draft(Scope.campus(seen.test.campus_id), seen.test):
                raise AssessmentIsNoDraft()
            self._ground.record("test.deleted", seen, actor)

        self._ground.store.atomically(work)

    def _add(self, plan: dict[str, Any], action: str, actor: Actor, **detail: Any) -> AssessmentOut:
        now = self._clock.now()
        if plan["kind"] is AssessmentKind.ONLINE and plan["attempts_allowed"] is None:
            plan["attempts_allowed"] = 1
        test = Assessment(**plan, created_by=actor.id, created_at=now, updated_at=now)

        def work() -> None:
            self._checks.accept(test, actor, list(plan))
            self._ground.tests.add(Scope.campus(test.campus_id), test)
            self._ground.record(action, Seen(test, now), actor, kind=test.kind, **detail)

        self._ground.store.atomically(work)
        return self._ground.shown(test.id, actor)


def _changing(test: Assessment, given: dict[str, Any]) -> dict[str, Any]:
    """Return what a change really changes; raise for what may not change any more."""
    if test.state in (AssessmentState.CANCELLED, AssessmentState.ARCHIVED):
        raise AssessmentIsOver()
    if test.kind is AssessmentKind.ONLINE and given.get("attempts_allowed", 1) is None:
        raise Invalid.field("attempts_allowed", "is needed: an online test has a number of attempts")
    present = test.model_dump(include=set(given))
    fields = {name: value for name, value in given.items() if value != present[name]}
    frozen = sorted(fields.keys() - AFTER_PUBLISHING)
    if test.state is AssessmentState.PUBLISHED and frozen:
        raise BlueprintIsFrozen(fields=["review" if name == "feedback" else name for name in frozen])
    return fields
