"""What the services of tests share: the rows, the transaction, the audit log, who is asked about what."""

from dataclasses import dataclass
from typing import Any

from models import Actor
from services.assessments.problems import AssessmentNotFound
from services.assessments.repository import AssessmentRepository, Seen
from services.assessments.schemas import AssessmentOut
from services.assessments.views import AssessmentViews
from services.audit.service import AuditService
from services.campuses.problems import NotOnlyYours
from utils.problems import Stale
from utils.scope import Scope
from utils.store import Store


@dataclass(frozen=True, slots=True)
class AssessmentGround:
    """Finds tests for an actor, and writes down what was done to them."""

    tests: AssessmentRepository
    store: Store
    audit: AuditService
    views: AssessmentViews

    def found(self, test_id: str, actor: Actor) -> Seen:
        """Return a test that the actor may see."""
        seen = self.tests.find(actor.scope, test_id)
        if seen is None:
            raise AssessmentNotFound()
        return seen

    def own(self, test_id: str, actor: Actor, revision: int | None = None) -> Seen:
        """Return a test that the actor may change, all of whose courses are theirs, at a revision."""
        seen = self.found(test_id, actor)
        if not actor.scope.holds(seen.test.campus_id, seen.test.course_ids):
            raise NotOnlyYours()
        if revision not in (None, seen.test.revision):
            raise Stale()
        return seen

    def change(self, seen: Seen, fields: dict[str, Any], only: dict[str, Any] | None = None) -> Seen:
        """Set fields of a test that nobody else changed meanwhile and return it as it is then."""
        scope = Scope.campus(seen.test.campus_id)
        if not self.tests.change(scope, seen.test, fields, only or {}):
            raise Stale()
        changed = self.tests.find(scope, seen.test.id)
        if changed is None:
            raise Stale()
        return changed

    def record(self, action: str, seen: Seen, actor: Actor, **detail: Any) -> None:
        """Write to the audit log."""
        target, campus_id = f"test:{seen.test.id}", seen.test.campus_id
        self.audit.record(action, actor_id=actor.id, campus_id=campus_id, target=target, **detail)

    def shown(self, test_id: str, actor: Actor) -> AssessmentOut:
        """Show a test as it is now."""
        return self.views.one(self.found(test_id, actor), actor)
