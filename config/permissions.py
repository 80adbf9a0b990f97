"""Who may do what, as data. A role grants permissions; a scope (``utils/scope.py``) decides which rows."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from config.modules import Module


class Role(StrEnum):
    SUPERADMIN = "superadmin"
    SUB_SUPERADMIN = "sub_superadmin"
    CAMPUS_ADMIN = "campus_admin"
    COURSE_ADMIN = "course_admin"
    EVALUATOR = "evaluator"
    STUDENT = "student"


class Permission(StrEnum):
    """``area:resource:action``; the value is what OpenAPI and the access tests print."""

    ADMIN_CREATE = "access_control:admin:create"
    ADMIN_DELETE = "access_control:admin:delete"
    ADMIN_READ = "access_control:admin:read"
    ADMIN_UPDATE = "access_control:admin:update"
    ATTEMPT_TAKE = "test_management:attempt:take"
    AUDIT_EXPORT = "audit:record:export"
    AUDIT_READ = "audit:record:read"
    BATCH_CREATE = "batch_management:batch:create"
    BATCH_DELETE = "batch_management:batch:delete"
    BATCH_JOB_READ = "batch_processing:job:read"
    BATCH_JOB_WRITE = "batch_processing:job:write"
    BATCH_READ = "batch_management:batch:read"
    BATCH_UPDATE = "batch_management:batch:update"
    CAMPUS_CREATE = "campus_management:campus:create"
    CAMPUS_DELETE = "campus_management:campus:delete"
    CAMPUS_READ = "campus_management:campus:read"
    CAMPUS_UPDATE = "campus_management:campus:update"
    CHANNEL_READ = "notifications:channel:read"
    CHANNEL_RESUME = "notifications:channel:resume"
    COURSE_CREATE = "course_management:course:create"
    COURSE_DELETE = "course_management:course:delete"
    COURSE_READ = "course_management:course:read"
    COURSE_UPDATE = "course_management:course:update"
    CREDENTIALS_SEND = "student_management:credentials:send"
    DASHBOARD_READ = "analytics:dashboard:read"
    DELIVERY_READ = "notifications:delivery:read"
    EXAM_READ = "test_management:exam:read"
    EXAM_WRITE = "test_management:exam:write"
    FEATURE_READ = "global_settings:feature:read"
    FEATURE_WRITE = "global_settings:feature:write"
    FILE_READ = "question_bank:file:read"
    FILE_WRITE = "question_bank:file:write"
    HISTORY_READ = "results_management:history:read"
    IMPORT_READ = "student_management:import:read"
    IMPORT_WRITE = "student_management:import:write"
    MODULE_READ = "question_bank:module:read"
    MODULE_WRITE = "question_bank:module:write"
    OUTBOX_READ = "notifications:outbox:read"
    PERFORMANCE_READ = "analytics:performance:read"
    PERFORMANCE_WRITE = "analytics:performance:write"
    PERMISSION_READ = "access_control:permission:read"
    PERMISSION_WRITE = "access_control:permission:write"
    PRACTICE_READ = "practice_management:progress:read"
    PRACTICE_TAKE = "practice_management:attempt:take"
    PRACTICE_UNLOCK = "practice_management:override:write"
    PROGRESS_READ = "analytics:progress:read"
    QUESTION_READ = "question_bank:question:read"
    QUESTION_WRITE = "question_bank:question:write"
    STUDENT_ANONYMISE = "student_management:student:anonymise"
    STUDENT_CREATE = "student_management:student:create"
    STUDENT_DELETE = "student_management:student:delete"
    STUDENT_EXPORT = "student_management:student:export"
    STUDENT_READ = "student_management:student:read"
    STUDENT_UPDATE = "student_management:student:update"
    SUPPRESSION_DELETE = "notifications:suppression:delete"
    SUPPRESSION_READ = "notifications:suppression:read"
    TEMPLATE_READ = "notifications:template:read"
    TEMPLATE_WRITE = "notifications:template:write"
    TEST_NOTIFY = "test_management:test:notify"
    TEST_PUBLISH = "test_management:test:publish"
    TEST_READ = "test_management:test:read"
    TEST_WRITE = "test_management:test:write"
    WORKER_READ = "batch_processing:worker:read"

    @property
    def module(self) -> Module:
        """The sub-superadmin module that this permission belongs to."""
        return Module(self.value.partition(":")[0])

    @property
    def is_read(self) -> bool:
        """Whether module access ``read`` suffices."""
        return self.value.endswith(":read")


_COURSE_ADMIN: Final = frozenset(
    {
        Permission.BATCH_CREATE,
        Permission.BATCH_DELETE,
        Permission.BATCH_JOB_READ,
        Permission.BATCH_JOB_WRITE,
        Permission.BATCH_READ,
        Permission.BATCH_UPDATE,
        Permission.CAMPUS_READ,
        Permission.COURSE_READ,
        Permission.CREDENTIALS_SEND,
        Permission.DASHBOARD_READ,
        Permission.EXAM_READ,
        Permission.EXAM_WRITE,
        Permission.IMPORT_READ,
        Permission.IMPORT_WRITE,
        Permission.MODULE_READ,
        Permission.PRACTICE_READ,
        Permission.PRACTICE_UNLOCK,
        Permission.QUESTION_READ,
        Permission.STUDENT_CREATE,
        Permission.STUDENT_DELETE,
        Permission.STUDENT_READ,
        Permission.STUDENT_UPDATE,
        Permission.TEST_NOTIFY,
        Permission.TEST_PUBLISH,
        Permission.TEST_READ,
        Permission.TEST_WRITE,
    }
)
_CAMPUS_ADMIN: Final = _COURSE_ADMIN | {
    Permission.ADMIN_CREATE,
    Permission.ADMIN_DELETE,
    Permission.ADMIN_READ,
    Permission.ADMIN_UPDATE,
    Permission.AUDIT_EXPORT,
    Permission.AUDIT_READ,
    Permission.COURSE_CREATE,
    Permission.COURSE_DELETE,
    Permission.COURSE_UPDATE,
    Permission.DELIVERY_READ,
    Permission.FILE_READ,
    Permission.FILE_WRITE,
    Permission.PERMISSION_READ,
    Permission.PERMISSION_WRITE,
    Permission.QUESTION_WRITE,
    Permission.STUDENT_ANONYMISE,
    Permission.STUDENT_EXPORT,
    Permission.SUPPRESSION_DELETE,
    Permission.SUPPRESSION_READ,
    Permission.TEMPLATE_READ,
    Permission.TEMPLATE_WRITE,
}
_STUDENT: Final = frozenset(
    {
        Permission.DASHBOARD_READ,
        Permission.HISTORY_READ,
        Permission.ATTEMPT_TAKE,
        Permission.PRACTICE_TAKE,
        Permission.PROGRESS_READ,
    }
)

GRANTS: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        Role.SUPERADMIN: frozenset(Permission),
        Role.SUB_SUPERADMIN: frozenset(),  # by module, see module_grants
        Role.CAMPUS_ADMIN: _CAMPUS_ADMIN,
        Role.COURSE_ADMIN: _COURSE_ADMIN,
        Role.EVALUATOR: frozenset(),
        Role.STUDENT: _STUDENT,
    }
)

# What an account of a role may hold at most, however much it is widened. What is new is out of reach until it
# is granted to a role or written here. A superadmin holds everything, always.
MOST: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        Role.SUPERADMIN: frozenset(Permission),
        Role.SUB_SUPERADMIN: frozenset(Permission) - {Permission.OUTBOX_READ},  # holds superadmins' links
        Role.CAMPUS_ADMIN: _CAMPUS_ADMIN | {Permission.CAMPUS_UPDATE},
        Role.COURSE_ADMIN: _COURSE_ADMIN | {Permission.COURSE_UPDATE},
        Role.EVALUATOR: frozenset(),
        Role.STUDENT: _STUDENT,
    }
)

# Which roles an admin may create, change or delete: never above or beside their own, except a superadmin.
MAY_APPOINT: Final[Mapping[Role, frozenset[Role]]] = MappingProxyType(
    {
        Role.SUPERADMIN: frozenset(Role) - {Role.STUDENT},
        Role.SUB_SUPERADMIN: frozenset({Role.CAMPUS_ADMIN, Role.COURSE_ADMIN, Role.EVALUATOR}),
        Role.CAMPUS_ADMIN: frozenset({Role.CAMPUS_ADMIN, Role.COURSE_ADMIN, Role.EVALUATOR}),
    }
)


def module_grants(modules: Mapping[str, str]) -> frozenset[Permission]:
    """Return what a sub-superadmin with this access (``none``, ``read`` or ``write`` per module) may do."""
    return frozenset(
        permission
        for permission in MOST[Role.SUB_SUPERADMIN]
        if (access := modules.get(permission.module, "none")) == "write"
        or (access == "read" and permission.is_read)
    )


def differing(
    role: Role, usual: frozenset[Permission], granted: Collection[str], withheld: Collection[str]
) -> frozenset[Permission]:
    """Return what one account of a role may do, given what is ``usual`` and how the account differs from it.

    A superadmin does not differ.
    """
    if role is Role.SUPERADMIN:
        return usual
    wider = frozenset(permission for permission in MOST[role] if permission in granted)
    return frozenset(permission for permission in usual if permission not in withheld) | wider
