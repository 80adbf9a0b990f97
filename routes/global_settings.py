"""/global_settings: what is switched on for whom."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.accounts.admins import BeyondYourRights
from services.features.schemas import FeaturesIn, RoleFeaturesOut
from services.features.service import RoleNotFound
from utils.paging import PageOf

bp = Blueprint("global_settings", __name__, url_prefix="/global_settings")


@route(bp, "GET", "/features", permission=Permission.FEATURE_READ)
def list_features() -> PageOf[RoleFeaturesOut]:
    """List the features of every role, and which are on."""
    return services().features.list_roles()


@route(bp, "GET", "/features/<role>", permission=Permission.FEATURE_READ, raises=[RoleNotFound])
def get_features(role: str) -> RoleFeaturesOut:
    """Read the features of a role."""
    return services().features.read(role)


@route(
    bp,
    "PATCH",
    "/features/<role>",
    permission=Permission.FEATURE_WRITE,
    raises=[RoleNotFound, BeyondYourRights],
)
def switch_features(role: str, body: FeaturesIn, actor: Actor, revision: int | None) -> RoleFeaturesOut:
    """Switch features on and off for everybody of a role; what is not named stays as it is."""
    return services().features.switch(role, body, actor, revision)
