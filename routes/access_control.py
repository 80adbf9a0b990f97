"""/access_control: what each admin may do, and of what that is made."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.access.schemas import ModuleOut, PermissionsIn, PermissionsOut, TemplateOut
from services.access.service import YourOwnPermissions
from services.accounts.admins import AdminNotFound, BeyondYourRights
from utils.paging import PageOf

bp = Blueprint("access_control", __name__, url_prefix="/access_control")

REFUSALS = [AdminNotFound, BeyondYourRights, YourOwnPermissions]


@route(
    bp, "GET", "/admins/<admin_id>/permissions", permission=Permission.PERMISSION_READ, raises=[AdminNotFound]
)
def get_permissions(admin_id: str, actor: Actor) -> PermissionsOut:
    """Show what an admin may do, in what that differs from the role, and what you could change of it."""
    return services().access.read(admin_id, actor)


@route(
    bp,
    "PUT",
    "/admins/<admin_id>/permissions",
    permission=Permission.PERMISSION_WRITE,
    fresh=True,
    raises=REFUSALS,
)
def put_permissions(admin_id: str, body: PermissionsIn, actor: Actor, revision: int | None) -> PermissionsOut:
    """Let an admin do this and nothing else, at once; never more than you may do yourself."""
    return services().access.change(admin_id, body, actor, revision)


@route(
    bp,
    "POST",
    "/admins/<admin_id>/permissions/reset",
    permission=Permission.PERMISSION_WRITE,
    fresh=True,
    raises=REFUSALS,
)
def reset_permissions(admin_id: str, actor: Actor) -> PermissionsOut:
    """Let an admin do what the role grants, no more and no less."""
    return services().access.reset(admin_id, actor)


@route(bp, "GET", "/modules", permission=Permission.PERMISSION_READ)
def list_modules(actor: Actor) -> PageOf[ModuleOut]:
    """List the modules with their permissions, and which of these you have."""
    return services().access.list_modules(actor)


@route(bp, "GET", "/templates", permission=Permission.PERMISSION_READ)
def list_templates() -> PageOf[TemplateOut]:
    """List the templates of a sub-superadmin's access."""
    return services().access.list_templates()
