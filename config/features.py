"""What can be switched off for a role, and which permissions that takes away, as data."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from config.modules import Module
from config.permissions import Permission, Role


class Feature(StrEnum):
    """A part of the product as people know it."""

    BATCH_MANAGEMENT = "batch_management"
    DASHBOARD = "dashboard"
    FORMS = "forms"
    ONLINE_TESTS = "online_tests"
    PRACTICE_TESTS = "practice_tests"
    PROFILE = "profile"
    PROGRESS_TRACKING = "progress_tracking"
    REPORTS = "reports"
    RESULTS = "results"
    STUDENT_MANAGEMENT = "student_management"
    TEST_HISTORY = "test_history"
    TEST_MANAGEMENT = "test_management"


# Which feature the permissions of a module are part of, for students and for admins. What either is granted
# in one of these modules later belongs to the feature by itself.
OF_STUDENTS: Final[Mapping[Module, Feature]] = MappingProxyType(
    {
        Module.TEST_MANAGEMENT: Feature.ONLINE_TESTS,
        Module.PRACTICE_MANAGEMENT: Feature.PRACTICE_TESTS,
        Module.ANALYTICS: Feature.PROGRESS_TRACKING,
        Module.RESULTS_MANAGEMENT: Feature.TEST_HISTORY,
        Module.FORMS: Feature.FORMS,
        Module.STUDENT_MANAGEMENT: Feature.PROFILE,
    }
)
OF_ADMINS: Final[Mapping[Module, Feature]] = MappingProxyType(
    {
        Module.STUDENT_MANAGEMENT: Feature.STUDENT_MANAGEMENT,
        Module.TEST_MANAGEMENT: Feature.TEST_MANAGEMENT,
        Module.QUESTION_BANK: Feature.TEST_MANAGEMENT,
        Module.PRACTICE_MANAGEMENT: Feature.TEST_MANAGEMENT,
        Module.BATCH_MANAGEMENT: Feature.BATCH_MANAGEMENT,
        Module.RESULTS_MANAGEMENT: Feature.RESULTS,
        Module.MARKING: Feature.RESULTS,
        Module.ANALYTICS: Feature.REPORTS,
        Module.FORMS: Feature.FORMS,
    }
)
# What no switch takes away from an admin, and why: a whole module, or one permission of one that is tied.
ALWAYS_ON: Final[Mapping[Module | Permission, str]] = MappingProxyType(
    {
        Module.ACCESS_CONTROL: "somebody has to be able to appoint and to remove, whatever is off",
        Module.AUDIT: "what was done is looked up, whatever is off",
        Module.BATCH_PROCESSING: "what runs has to be seen and stopped",
        Module.CAMPUS_MANAGEMENT: "everything that is on names its campus",
        Module.COURSE_MANAGEMENT: "everything that is on names its courses",
        Module.GLOBAL_SETTINGS: "what was switched off has to be switched on again",
        Module.NOTIFICATIONS: "texts and fates of messages concern every feature that sends",
        Permission.DASHBOARD_READ: "the dashboard cannot be switched off",
        Permission.PERFORMANCE_READ: "how the server does is no report of the institution",
        Permission.PERFORMANCE_WRITE: "how the server does is no report of the institution",
    }
)

# What there is for each role. Nothing is switched off for superadmins, nor for evaluators: they only mark.
FEATURES: Final[Mapping[Role, frozenset[Feature]]] = MappingProxyType(
    {
        Role.SUPERADMIN: frozenset({Feature.DASHBOARD, *OF_ADMINS.values()}),
        Role.SUB_SUPERADMIN: frozenset({Feature.DASHBOARD, *OF_ADMINS.values()}),
        Role.CAMPUS_ADMIN: frozenset({Feature.DASHBOARD, *OF_ADMINS.values()}),
        Role.COURSE_ADMIN: frozenset({Feature.DASHBOARD, *OF_ADMINS.values()}),
        Role.EVALUATOR: frozenset({Feature.DASHBOARD}),
        Role.STUDENT: frozenset({Feature.DASHBOARD, *OF_STUDENTS.values()}),
    }
)
SWITCHABLE: Final = (Role.SUB_SUPERADMIN, Role.CAMPUS_ADMIN, Role.COURSE_ADMIN, Role.STUDENT)
FIXED: Final = frozenset({Feature.DASHBOARD})


def feature_of(role: Role, permission: Permission) -> Feature | None:
    """Return the feature that a permission of this role is part of; None where no switch takes it away."""
    if role not in SWITCHABLE or permission in ALWAYS_ON:
        return None
    return (OF_STUDENTS if role is Role.STUDENT else OF_ADMINS).get(permission.module)


# Permissions that are part of a feature for somebody.
TIED: Final = frozenset(one for one in Permission if any(feature_of(role, one) for role in SWITCHABLE))
