"""Where an admin works: which role needs a campus, which needs courses, and that they are real."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from config.permissions import Role
from models import Actor
from services.accounts.schemas import AdminCreate
from services.ports import OrganisationLookup
from utils.problems import Invalid, NotFound
from utils.scope import Scope

PLATFORM_ROLES: Final = frozenset({Role.SUPERADMIN, Role.SUB_SUPERADMIN})


class PlaceNotFound(NotFound):
    """The campus, or one of the courses, does not exist there, or not for you."""

    title = "No such campus or course"


@dataclass(frozen=True, slots=True)
class Seat:
    """Where an admin works."""

    campus_id: str | None
    course_ids: tuple[str, ...]


class Seats:
    """Finds the campus and the courses of an admin, inside the scope of whoever appoints.

    Asked in the transaction that seats the admin, it keeps both from being removed at the same moment.
    """

    def __init__(self, places: OrganisationLookup) -> None:
        self._places = places

    def of(self, wanted: AdminCreate, actor: Actor) -> Seat:
        """Return the seat of a new admin; raise Invalid for a wrong combination, PlaceNotFound."""
        role, scope = wanted.role, actor.scope
        if role is not Role.SUB_SUPERADMIN and (wanted.permissions or wanted.template):
            name = "permissions" if wanted.permissions else "template"
            raise Invalid.field(name, "is for sub-superadmins only, whose permissions go by module")
        if role in PLATFORM_ROLES:
            if wanted.campus_id is not None:
                raise Invalid.field("campus_id", f"must be left out for the role {role}")
            return Seat(None, self.courses(role, None, wanted.course_ids, scope))
        campus_id = wanted.campus_id or actor.campus_id
        if campus_id is None and role is Role.EVALUATOR:
            return Seat(None, self.courses(role, None, wanted.course_ids, scope))
        if campus_id is None:
            raise Invalid.field("campus_id", f"is needed for the role {role}")
        if not self._places.hold_campus(scope, campus_id):
            raise PlaceNotFound()
        return Seat(campus_id, self.courses(role, campus_id, wanted.course_ids, scope))

    def courses(
        self, role: Role, campus_id: str | None, wanted: Sequence[str], scope: Scope
    ) -> tuple[str, ...]:
        """Return the courses of an admin with this role, each once; raise Invalid or PlaceNotFound."""
        course_ids = tuple(dict.fromkeys(wanted))
        if role is not Role.COURSE_ADMIN:
            if course_ids:
                raise Invalid.field("course_ids", f"must be left out for the role {role}")
            return ()
        if not course_ids:
            raise Invalid.field("course_ids", "must name at least one course")
        if campus_id is None or not self._places.hold_courses(scope, campus_id, course_ids):
            raise PlaceNotFound()
        return course_ids
