"""/superadmin: the dashboard of the role."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.dashboards.schemas import SuperadminDashboard
from utils.tasks import TookTooLong

bp = Blueprint("superadmin", __name__, url_prefix="/superadmin")


@route(bp, "GET", "/dashboard", permission=Permission.DASHBOARD_READ, raises=[TookTooLong])
def dashboard(actor: Actor) -> SuperadminDashboard:
    """Count the whole platform: campuses, people, and what was sent and imported lately."""
    return services().dashboards.superadmin(actor)
