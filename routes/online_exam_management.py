"""/online_exam_management: the live exam room."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.assessments.problems import AssessmentNotFound
from services.attempts.service import TakenOver
from services.campuses.problems import NotOnlyYours
from services.exam_room.problems import ExamNotRunning, NobodySits
from services.exam_room.schemas import Close, Compensate, ExamStatus, Extend, OrderOut, SitterOut, SitterQuery
from services.students.problems import StudentNotFound
from utils.paging import PageOf, PageQuery

bp = Blueprint("online_exam_management", __name__, url_prefix="/online_exam_management/tests/<test_id>")

READ, WRITE = Permission.EXAM_READ, Permission.EXAM_WRITE
SEEING = [AssessmentNotFound, ExamNotRunning]
DIRECTING = [*SEEING, NotOnlyYours]


@route(bp, "GET", "/status", permission=READ, raises=SEEING)
def get_status(test_id: str, actor: Actor) -> ExamStatus:
    """See how an exam goes: how many have not begun, work, are idle or disconnected, have submitted."""
    return services().exam_room.status(test_id, actor)


@route(bp, "GET", "/students", permission=READ, raises=SEEING)
def list_students(test_id: str, query: SitterQuery, actor: Actor) -> PageOf[SitterOut]:
    """List the audience of an exam with where each stands now."""
    return services().exam_room.students(test_id, query, actor)


@route(bp, "POST", "/extend", permission=WRITE, status=202, raises=DIRECTING)
def extend(test_id: str, body: Extend, actor: Actor) -> OrderOut:
    """Give more minutes to those who sit the exam now: all of them, some batches or some students."""
    return services().exam_orders.extend(test_id, body, actor)


@route(bp, "POST", "/compensate", permission=WRITE, status=202, raises=DIRECTING)
def compensate(test_id: str, body: Compensate, actor: Actor) -> OrderOut:
    """Give back what an outage has cost those who sit the exam now: what was measured, or so many minutes."""
    return services().exam_orders.compensate(test_id, body, actor)


@route(bp, "POST", "/close", permission=WRITE, status=202, raises=DIRECTING)
def close(test_id: str, body: Close, actor: Actor) -> OrderOut:
    """End the attempts of those who sit the exam now; what was saved is scored."""
    return services().exam_orders.close(test_id, body, actor)


@route(bp, "GET", "/orders", permission=READ, raises=SEEING)
def list_orders(test_id: str, query: PageQuery, actor: Actor) -> PageOf[OrderOut]:
    """List what was ordered in an exam, newest first, and how many it has reached."""
    return services().exam_orders.list_orders(test_id, query, actor)


@route(
    bp,
    "POST",
    "/students/<student_id>/takeover",
    permission=WRITE,
    status=200,
    raises=[*DIRECTING, StudentNotFound, NobodySits],
)
def take_over(test_id: str, student_id: str, actor: Actor) -> TakenOver:
    """Take a student's attempt from the device that holds it; they take it over on another."""
    return services().exam_seats.release(test_id, student_id, actor)


@route(
    bp,
    "POST",
    "/students/<student_id>/unlock",
    permission=WRITE,
    status=204,
    raises=[*DIRECTING, StudentNotFound],
)
def unlock(test_id: str, student_id: str, actor: Actor) -> None:
    """Let a student try to log in again who failed too often; the failures are forgotten."""
    services().exam_seats.unlock(test_id, student_id, actor)
