"""What an answer has to be, worked out from the declarations, the permissions and the stored rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from config.permissions import GRANTS, MAY_APPOINT, Permission, Role
from tests.authz.actors import Actor
from tests.authz.operations import WATCH, Operation, Request, Slot
from tests.authz.world import World


@dataclass(frozen=True, slots=True)
class Expected:
    """``acts``: it is done, and may change things. ``nobodys``: the slot whose id is as good as nobody's.

    ``permission``: the one that the refusal names, if it is for the want of one.
    """

    statuses: frozenset[int]
    slug: str = ""
    permission: str = ""
    acts: bool = False
    nobodys: str = ""


def expected(
    operation: Operation, actor: Actor, request: Request, slots: Mapping[str, Slot], world: World
) -> Expected:
    """Return what this actor gets for this request."""
    if refused := _at_the_door(operation, actor, request):
        return refused
    outside = next((slot for slot in slots.values() if not _is_theirs(slot, slots, actor, world)), None)
    if outside is not None and outside.name in request.path:
        return Expected(frozenset({404}), nobodys=outside.name)
    in_path = [slot for slot in slots.values() if slot.name in request.path]
    if not (operation.safe or request.looks) and not _writes(actor, in_path, world):
        return _refused(403, "question-not-yours")
    if _beyond(actor, request):
        return _refused(403, "beyond-your-rights")
    if request.whole and not _has_all_courses(actor, in_path, world):
        return _refused(403, "not-only-yours")
    if outside is not None and not (request.narrows and outside.name in request.query):
        return Expected(frozenset({200 if request.reports else request.refusal}), nobodys=outside.name)
    if request.reports and request.whole and not _has_all_courses(actor, slots.values(), world):
        return Expected(frozenset({200}))
    statuses = request.statuses or frozenset({operation.status})
    return Expected(
        statuses, acts=not operation.safe and not request.looks, nobodys=outside.name if outside else ""
    )


def _writes(actor: Actor, slots: Iterable[Slot], world: World) -> bool:
    """Tell whether the actor may change all of these rows, those they do not see aside."""
    rows = [slot.row for slot in slots if slot.row is not None and actor.sees(slot.row, world)]
    return all(actor.writes(row, world) for row in rows)


def _at_the_door(operation: Operation, actor: Actor, request: Request) -> Expected | None:
    """Return what the actor gets before anything is looked at; None when they get further."""
    if operation.anonymous:
        statuses = request.statuses or frozenset({operation.status})
        return Expected(statuses, acts=not operation.safe)
    if not actor.gets_in or (actor.must_change_password and operation.method == WATCH):
        return _refused(401, "unauthorized")
    if actor.must_change_password and not operation.before_password_change:
        return _refused(403, "password-change-required")
    if isinstance(operation.access, Permission) and operation.access not in actor.permissions:
        return Expected(frozenset({403}), "forbidden", permission=operation.access)
    if request.only is not None and actor.role not in request.only:
        return _refused(403, "forbidden")
    return None


def _refused(status: int, slug: str) -> Expected:
    return Expected(frozenset({status}), slug)


def _is_theirs(slot: Slot, slots: Mapping[str, Slot], actor: Actor, world: World) -> bool:
    """Tell whether an id names a row that the actor sees and that belongs where the request says."""
    if slot.row is None or not actor.sees(slot.row, world):
        return False
    parent = slots[slot.parent].row if slot.parent else None
    if parent is None:
        return not slot.parent
    if slot.taught:
        return slot.row.course_ids <= parent.course_ids
    return slot.row.campus_id in (parent.campus_id, None)  # what is the platform's serves every campus


def _beyond(actor: Actor, request: Request) -> bool:
    """Tell whether the request gives power over a role that the actor may not appoint."""
    if request.appoints is None or actor.role is None:
        return False
    lower = MAY_APPOINT.get(actor.role, frozenset[Role]())
    return request.appoints not in lower or not GRANTS[request.appoints] <= actor.permissions


def _has_all_courses(actor: Actor, slots: Iterable[Slot], world: World) -> bool:
    if actor.role is not Role.COURSE_ADMIN:
        return True
    return all(slot.row is None or slot.row.course_ids <= actor.course_ids(world) for slot in slots)
