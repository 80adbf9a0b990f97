"""/student: the exams of whoever asks."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.assessments.exams import ExamsOut

bp = Blueprint("student_exams", __name__, url_prefix="/student")


@route(bp, "GET", "/exams", permission=Permission.ATTEMPT_TAKE)
def list_exams(actor: Actor) -> ExamsOut:
    """List your exams: upcoming, active and completed, with the server's time."""
    return services().student_exams.of(actor)
