"""/course_admin: the dashboard of the role."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.dashboards.schemas import CourseAdminDashboard
from utils.tasks import TookTooLong

bp = Blueprint("course_admin", __name__, url_prefix="/course_admin")


@route(bp, "GET", "/dashboard", permission=Permission.DASHBOARD_READ, raises=[TookTooLong])
def dashboard(actor: Actor) -> CourseAdminDashboard:
    """Count the own courses: students, batches, and what was sent and imported lately."""
    return services().dashboards.course_admin(actor)
