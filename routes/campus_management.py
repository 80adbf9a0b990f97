"""/campus_management: campuses of the platform."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.campuses.documents import CAMPUSES
from services.campuses.problems import AlreadyInUse, CampusNotFound, StillInUse
from services.campuses.schemas import CampusCreate, CampusOut, CampusUpdate
from utils.paging import PageOf, PageQuery

bp = Blueprint("campus_management", __name__, url_prefix="/campus_management")


@route(bp, "POST", "/campuses", permission=Permission.CAMPUS_CREATE, status=201, raises=[AlreadyInUse])
def create_campus(body: CampusCreate, actor: Actor) -> CampusOut:
    """Make a campus."""
    return services().campuses.create(body, actor)


@route(bp, "GET", "/campuses", permission=Permission.CAMPUS_READ, cached=[CAMPUSES])
def list_campuses(query: PageQuery, actor: Actor) -> PageOf[CampusOut]:
    """List the campuses that you may see, by name."""
    return services().campuses.list_campuses(query, actor)


@route(bp, "GET", "/campuses/<campus_id>", permission=Permission.CAMPUS_READ, raises=[CampusNotFound])
def get_campus(campus_id: str, actor: Actor) -> CampusOut:
    """Read one campus."""
    return services().campuses.get(campus_id, actor)


@route(
    bp,
    "PATCH",
    "/campuses/<campus_id>",
    permission=Permission.CAMPUS_UPDATE,
    raises=[CampusNotFound, AlreadyInUse],
)
def update_campus(campus_id: str, body: CampusUpdate, revision: int | None, actor: Actor) -> CampusOut:
    """Change a campus; what is left out stays."""
    return services().campuses.change(campus_id, body, revision, actor)


@route(
    bp,
    "DELETE",
    "/campuses/<campus_id>",
    permission=Permission.CAMPUS_DELETE,
    status=204,
    raises=[CampusNotFound, StillInUse],
)
def delete_campus(campus_id: str, actor: Actor) -> None:
    """Remove a campus that nothing depends on."""
    services().campuses.remove(campus_id, actor)
