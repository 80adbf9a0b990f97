"""/campus_admin: the dashboard of the role."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.dashboards.schemas import CampusAdminDashboard
from utils.tasks import TookTooLong

bp = Blueprint("campus_admin", __name__, url_prefix="/campus_admin")


@route(bp, "GET", "/dashboard", permission=Permission.DASHBOARD_READ, raises=[TookTooLong])
def dashboard(actor: Actor) -> CampusAdminDashboard:
    """Count the own campus: courses, people, and what was sent and imported lately."""
    return services().dashboards.campus_admin(actor)
