"""/admin_management: campus admins, course admins and whoever else runs the platform."""

from typing import Final

from flask import Blueprint

from config.permissions import MAY_APPOINT, Permission, Role
from models import Actor
from routes._kit.admission import FreshAuthenticationRequired, require_fresh
from routes._kit.endpoint import route
from routes._kit.services import services
from services.accounts.admins import (
    AdminIsDeactivated,
    AdminNotFound,
    BeyondYourRights,
    LastAdmin,
    NotYourself,
)
from services.accounts.names import IdentifierTaken
from services.accounts.schemas import AdminCreate, AdminOut, AdminQuery, AdminUpdate
from services.accounts.seats import PlaceNotFound
from services.batch_jobs.schemas import BatchJobOut
from utils.paging import PageOf

bp = Blueprint("admin_management", __name__, url_prefix="/admin_management")

PLATFORM_WIDE: Final = frozenset({Role.SUPERADMIN, Role.SUB_SUPERADMIN})


@route(
    bp,
    "POST",
    "/admins",
    permission=Permission.ADMIN_CREATE,
    status=201,
    raises=[BeyondYourRights, PlaceNotFound, IdentifierTaken, FreshAuthenticationRequired],
)
def create_admin(body: AdminCreate, actor: Actor) -> AdminOut:
    """Appoint an admin; they get a message with the link to set their password.

    A ``superadmin`` or ``sub_superadmin`` is appointed by whoever has just proved who they are.
    """
    if body.role in PLATFORM_WIDE & MAY_APPOINT.get(actor.role, frozenset()):  # others are not asked
        require_fresh(actor)
    return services().admins.create(body, actor)


@route(bp, "GET", "/admins", permission=Permission.ADMIN_READ)
def list_admins(query: AdminQuery, actor: Actor) -> PageOf[AdminOut]:
    """List admins by name; ``role``, ``campus_id`` and ``status`` narrow."""
    return services().admins.list_admins(query, actor)


@route(bp, "GET", "/admins/<admin_id>", permission=Permission.ADMIN_READ, raises=[AdminNotFound])
def get_admin(admin_id: str, actor: Actor) -> AdminOut:
    """Read one admin."""
    return services().admins.get(admin_id, actor)


@route(
    bp,
    "PATCH",
    "/admins/<admin_id>",
    permission=Permission.ADMIN_UPDATE,
    fresh=True,
    raises=[AdminNotFound, BeyondYourRights, PlaceNotFound, IdentifierTaken],
)
def update_admin(admin_id: str, body: AdminUpdate, actor: Actor, revision: int | None) -> AdminOut:
    """Change an admin's name, addresses or courses."""
    return services().admins.update(admin_id, body, actor, revision)


@route(
    bp,
    "DELETE",
    "/admins/<admin_id>",
    permission=Permission.ADMIN_DELETE,
    status=204,
    fresh=True,
    raises=[AdminNotFound, BeyondYourRights, NotYourself, LastAdmin],
)
def delete_admin(admin_id: str, actor: Actor) -> None:
    """Remove an admin for good. Not yourself, and not the last one of a campus that has people."""
    services().admins.remove(admin_id, actor)


@route(
    bp,
    "POST",
    "/admins/<admin_id>/deactivate",
    permission=Permission.ADMIN_UPDATE,
    fresh=True,
    raises=[AdminNotFound, BeyondYourRights, NotYourself, LastAdmin],
)
def deactivate_admin(admin_id: str, actor: Actor) -> AdminOut:
    """Let an admin in no more; their sessions end at once."""
    return services().admins.deactivate(admin_id, actor)


@route(
    bp,
    "POST",
    "/admins/<admin_id>/reactivate",
    permission=Permission.ADMIN_UPDATE,
    raises=[AdminNotFound, BeyondYourRights],
)
def reactivate_admin(admin_id: str, actor: Actor) -> AdminOut:
    """Let a deactivated admin in again."""
    return services().admins.reactivate(admin_id, actor)


@route(
    bp,
    "DELETE",
    "/admins/<admin_id>/second_factor",
    permission=Permission.ADMIN_UPDATE,
    status=204,
    fresh=True,
    raises=[AdminNotFound, BeyondYourRights, NotYourself],
)
def reset_second_factor(admin_id: str, actor: Actor) -> None:
    """Remove the second factor of an admin who has lost it; their sessions end. Never your own."""
    services().admins.reset_second_factor(admin_id, actor)


@route(
    bp,
    "POST",
    "/admins/<admin_id>/unlock",
    permission=Permission.ADMIN_UPDATE,
    status=204,
    raises=[AdminNotFound, BeyondYourRights],
)
def unlock_admin(admin_id: str, actor: Actor) -> None:
    """Let an admin try to log in again who failed too often somewhere; the failures are forgotten."""
    services().admins.unlock(admin_id, actor)


@route(
    bp,
    "POST",
    "/admins/<admin_id>/send_credentials",
    permission=Permission.ADMIN_UPDATE,
    status=202,
    raises=[AdminNotFound, BeyondYourRights, AdminIsDeactivated],
)
def send_credentials(admin_id: str, actor: Actor) -> BatchJobOut:
    """Send an admin a new link to set their password; older links end."""
    return services().batch_jobs.show(services().admins.send_credentials(admin_id, actor))
