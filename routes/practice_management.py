"""/practice_management: how far students are in practice, and what is unlocked or locked for one of them."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.campuses.problems import BatchNotFound
from services.practice.problems import NothingToLift
from services.practice.schemas import BatchProgress, OverrideIn, OverrideOut, Progress, ProgressRow
from services.students.problems import StudentNotFound
from services.students.schemas import StudentQuery
from utils.paging import PageOf, PageQuery

bp = Blueprint("practice_management", __name__, url_prefix="/practice_management")

READ, UNLOCK = Permission.PRACTICE_READ, Permission.PRACTICE_UNLOCK


@route(bp, "GET", "/students", permission=READ)
def list_students(query: StudentQuery, actor: Actor) -> PageOf[ProgressRow]:
    """List students with how far they are in practice."""
    return services().practice_progress.list_students(query, actor)


@route(bp, "GET", "/students/<student_id>/progress", permission=READ, raises=[StudentNotFound])
def get_progress(student_id: str, actor: Actor) -> Progress:
    """See every step of a student's ladder: what is open and why, what was passed, in how many attempts."""
    return services().practice_progress.of_student(student_id, actor)


@route(bp, "GET", "/batches/<batch_id>/progress", permission=READ, raises=[BatchNotFound])
def get_batch(batch_id: str, actor: Actor) -> BatchProgress:
    """See how far a batch is: who practises, and how many have tried and passed each step."""
    return services().practice_progress.of_batch(batch_id, actor)


@route(bp, "GET", "/students/<student_id>/overrides", permission=READ, raises=[StudentNotFound])
def list_overrides(student_id: str, query: PageQuery, actor: Actor) -> PageOf[OverrideOut]:
    """List what was unlocked and locked for a student, by whom and why, the newest first."""
    return services().practice_overrides.history(student_id, query, actor)


@route(
    bp,
    "POST",
    "/students/<student_id>/overrides",
    permission=UNLOCK,
    status=201,
    raises=[StudentNotFound, NothingToLift],
)
def add_override(student_id: str, body: OverrideIn, actor: Actor) -> OverrideOut:
    """Unlock or lock a module, topic or level for a student, or take it back; the student is told at once."""
    return services().practice_overrides.decide(student_id, body, actor)
