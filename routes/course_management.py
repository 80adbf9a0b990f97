"""/course_management: courses of a campus."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.campuses.documents import COURSES
from services.campuses.problems import AlreadyInUse, CourseNotFound, StillInUse
from services.campuses.schemas import CourseCreate, CourseOut, CourseUpdate, PlaceQuery
from utils.paging import PageOf

bp = Blueprint("course_management", __name__, url_prefix="/course_management")


@route(bp, "POST", "/courses", permission=Permission.COURSE_CREATE, status=201, raises=[AlreadyInUse])
def create_course(body: CourseCreate, actor: Actor) -> CourseOut:
    """Make a course."""
    return services().courses.create(body, actor)


@route(bp, "GET", "/courses", permission=Permission.COURSE_READ, cached=[COURSES])
def list_courses(query: PlaceQuery, actor: Actor) -> PageOf[CourseOut]:
    """List the courses that you may see, by name; ``campus_id`` narrows."""
    return services().courses.list_courses(query, actor)


@route(bp, "GET", "/courses/<course_id>", permission=Permission.COURSE_READ, raises=[CourseNotFound])
def get_course(course_id: str, actor: Actor) -> CourseOut:
    """Read one course."""
    return services().courses.get(course_id, actor)


@route(
    bp,
    "PATCH",
    "/courses/<course_id>",
    permission=Permission.COURSE_UPDATE,
    raises=[CourseNotFound, AlreadyInUse],
)
def update_course(course_id: str, body: CourseUpdate, revision: int | None, actor: Actor) -> CourseOut:
    """Change a course; what is left out stays."""
    return services().courses.change(course_id, body, revision, actor)


@route(
    bp,
    "DELETE",
    "/courses/<course_id>",
    permission=Permission.COURSE_DELETE,
    status=204,
    raises=[CourseNotFound, StillInUse],
)
def delete_course(course_id: str, actor: Actor) -> None:
    """Remove a course that nothing depends on."""
    services().courses.remove(course_id, actor)
