"""The modules of the platform, what a sub-superadmin may have of each, and templates of that, as data."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Access: TypeAlias = Literal["none", "read", "write"]


class Module(StrEnum):
    """What a permission begins with."""

    CAMPUS_MANAGEMENT = "campus_management"
    COURSE_MANAGEMENT = "course_management"
    BATCH_MANAGEMENT = "batch_management"
    STUDENT_MANAGEMENT = "student_management"
    TEST_MANAGEMENT = "test_management"
    QUESTION_BANK = "question_bank"
    PRACTICE_MANAGEMENT = "practice_management"
    RESULTS_MANAGEMENT = "results_management"
    MARKING = "marking"
    ANALYTICS = "analytics"
    ACCESS_CONTROL = "access_control"
    NOTIFICATIONS = "notifications"
    GLOBAL_SETTINGS = "global_settings"
    FORMS = "forms"
    BATCH_PROCESSING = "batch_processing"
    AUDIT = "audit"


class Template(StrEnum):
    """A choice of modules that has a name; ``custom`` is any other."""

    FULL_ACCESS = "full_access"
    READ_ONLY = "read_only"
    ACADEMIC_MANAGER = "academic_manager"
    CONTENT_MANAGER = "content_manager"
    CUSTOM = "custom"


TEMPLATES: Final[Mapping[Template, Mapping[Module, Access]]] = MappingProxyType(
    {
        Template.FULL_ACCESS: dict.fromkeys(Module, "write"),
        Template.READ_ONLY: dict.fromkeys(Module, "read"),
        Template.ACADEMIC_MANAGER: {
            Module.CAMPUS_MANAGEMENT: "read",
            Module.COURSE_MANAGEMENT: "write",
            Module.BATCH_MANAGEMENT: "write",
            Module.STUDENT_MANAGEMENT: "write",
            Module.TEST_MANAGEMENT: "write",
            Module.QUESTION_BANK: "read",
            Module.PRACTICE_MANAGEMENT: "read",
            Module.RESULTS_MANAGEMENT: "write",
            Module.MARKING: "write",
            Module.ANALYTICS: "read",
            Module.NOTIFICATIONS: "read",
            Module.FORMS: "write",
            Module.BATCH_PROCESSING: "write",
        },
        Template.CONTENT_MANAGER: {
            Module.CAMPUS_MANAGEMENT: "read",
            Module.COURSE_MANAGEMENT: "read",
            Module.BATCH_MANAGEMENT: "read",
            Module.TEST_MANAGEMENT: "write",
            Module.QUESTION_BANK: "write",
            Module.PRACTICE_MANAGEMENT: "write",
            Module.FORMS: "write",
        },
        Template.CUSTOM: {},
    }
)


def template_of(modules: Mapping[str, str]) -> Template:
    """Return the template that gives just this access."""
    given = {name: access for name, access in modules.items() if access != "none"}
    return next((name for name, access in TEMPLATES.items() if access == given), Template.CUSTOM)
