"""/performance_monitor: how the server does, over all of its processes."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.breakers.schemas import BreakerOut
from services.breakers.service import BreakerNotFound
from utils.paging import PageOf

bp = Blueprint("performance_monitor", __name__, url_prefix="/performance_monitor")


@route(bp, "GET", "/breakers", permission=Permission.PERFORMANCE_READ)
def list_breakers() -> PageOf[BreakerOut]:
    """List the breakers in front of outside services, with their state in every process."""
    return services().breakers.list_breakers()


@route(
    bp,
    "POST",
    "/breakers/<name>/reset",
    permission=Permission.PERFORMANCE_WRITE,
    status=204,
    raises=[BreakerNotFound],
)
def reset_breaker(name: str, actor: Actor) -> None:
    """Close a breaker in every process, within two seconds: its service is known to be back."""
    services().breakers.reset(name, actor)
