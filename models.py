"""The data model's front page: every stored document, who acts on it, and the indexes. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pymongo import IndexModel

from config.features import Feature, feature_of
from config.permissions import Permission, Role
from services.accounts import documents as accounts
from services.assessments import documents as assessments
from services.attempts import documents as attempts
from services.audit import documents as audit
from services.batch_jobs import documents as batch_jobs
from services.campuses import documents as campuses
from services.exam_room import documents as exam_room
from services.features import documents as features
from services.files import documents as files
from services.freshness import documents as freshness
from services.idempotency import documents as idempotency
from services.imports import documents as imports
from services.jobs import documents as jobs
from services.notifications import documents as notifications
from services.practice import documents as practice
from services.processes import documents as processes
from services.questions import documents as questions
from services.results import documents as results
from services.students import documents as students
from utils.scope import Scope

_AREAS: Final = (
    accounts,
    assessments,
    attempts,
    audit,
    batch_jobs,
    campuses,
    exam_room,
    features,
    files,
    freshness,
    idempotency,
    imports,
    jobs,
    notifications,
    practice,
    processes,
    questions,
    results,
    students,
)

INDEXES: Final[Mapping[str, Sequence[IndexModel]]] = {
    name: indexes for area in _AREAS for name, indexes in area.INDEXES.items()
}
VALIDATORS: Final[Mapping[str, Mapping[str, Any]]] = {**batch_jobs.VALIDATORS, **files.VALIDATORS}

# Collections whose rows belong to a campus: every document has a ``campus_id``, null for the platform's own.
TENANT_COLLECTIONS: Final = frozenset(
    {
        accounts.USERS,
        assessments.TESTS,
        assessments.TEST_PAPERS,
        attempts.ATTEMPTS,
        attempts.ATTEMPT_EVENTS,
        audit.AUDIT,
        audit.AUDIT_HEADS,
        batch_jobs.BATCH_JOBS,
        batch_jobs.SUB_BATCHES,
        batch_jobs.DEAD_LETTERS,
        batch_jobs.DELIVERIES,
        batch_jobs.QUOTAS,
        campuses.CAMPUSES,
        campuses.COURSES,
        campuses.BATCHES,
        campuses.INSTANCES,
        exam_room.EXAM_ORDERS,
        files.FILES,
        imports.IMPORTS,
        imports.IMPORT_ROWS,
        notifications.NOTIFICATIONS,
        notifications.SUPPRESSIONS,
        notifications.MESSAGE_TEMPLATES,
        notifications.MESSAGE_TEMPLATE_VERSIONS,
        practice.PRACTICE_OVERRIDES,
        questions.ANSWER_KEYS,
        questions.QUESTIONS,
        questions.QUESTION_VERSIONS,
        results.MARKING_TASKS,
        results.TEST_RESULTS,
        students.STUDENTS,
    }
)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking, as the database knows them now."""

    id: str
    role: Role
    name: str
    username: str
    campus_id: str | None
    course_ids: tuple[str, ...] = ()
    permissions: frozenset[Permission] = field(default_factory=frozenset)
    off: frozenset[Feature] = frozenset()
    must_change_password: bool = False
    must_set_up_second_factor: bool = False
    session_id: str = ""
    fresh: bool = field(default=False, compare=False)  # passes with time: who it is does not change

    @property
    def scope(self) -> Scope:
        """The rows this person may touch; every query of theirs carries it."""
        match self.role:
            case Role.SUPERADMIN | Role.SUB_SUPERADMIN:
                return Scope.everything()
            case Role.CAMPUS_ADMIN if self.campus_id:
                return Scope.campus(self.campus_id)
            case Role.COURSE_ADMIN if self.campus_id:
                return Scope.courses(self.campus_id, self.course_ids)
        return Scope.own(self.id, self.campus_id)

    def may(self, permission: Permission) -> bool:
        """Tell whether this person holds a permission whose feature is on."""
        return permission in self.permissions and self.switched_off(permission) is None

    def switched_off(self, permission: Permission) -> Feature | None:
        """Return the feature whose switch takes this permission away now; None where it is there."""
        feature = feature_of(self.role, permission) if self.off else None
        return feature if feature in self.off else None
