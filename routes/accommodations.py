"""/student_management: what a student needs in every test."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.students.accommodations import AccommodationsOut, AccommodationsPut
from services.students.problems import StudentNotFound

bp = Blueprint("accommodations", __name__, url_prefix="/student_management/students/<student_id>")


@route(bp, "GET", "/accommodations", permission=Permission.STUDENT_READ, raises=[StudentNotFound])
def get_accommodations(student_id: str, actor: Actor) -> AccommodationsOut:
    """Read what a student needs in every test."""
    return services().student_accommodations.get(student_id, actor)


@route(bp, "PUT", "/accommodations", permission=Permission.STUDENT_UPDATE, raises=[StudentNotFound])
def put_accommodations(
    student_id: str, body: AccommodationsPut, revision: int | None, actor: Actor
) -> AccommodationsOut:
    """Give a student more time, attempts or plays in every test that they begin from now on."""
    return services().student_accommodations.put(student_id, body, revision, actor)
