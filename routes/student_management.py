"""/student_management/students: students one by one, as lists, and their credentials."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.accounts.names import IdentifierTaken
from services.batch_jobs.schemas import BatchJobOut
from services.campuses.problems import NotOnlyYours, StillInUse
from services.persons.schemas import PersonExport
from services.students.problems import BatchIsEmpty, RecipientsNotConfirmed, StudentNotFound, TooManyTaken
from services.students.schemas import (
    BulkDeleteOut,
    SendCredentials,
    StudentCreate,
    StudentIds,
    StudentOut,
    StudentQuery,
    StudentUpdate,
)
from utils.paging import PageOf

bp = Blueprint("student_management", __name__, url_prefix="/student_management/students")


@route(
    bp,
    "POST",
    "",
    permission=Permission.STUDENT_CREATE,
    status=201,
    raises=[IdentifierTaken, TooManyTaken],
)
def create_student(body: StudentCreate, actor: Actor) -> StudentOut:
    """Add a student to a batch. Send credentials when they are to log in."""
    return services().students.create(body, actor)


@route(bp, "GET", "", permission=Permission.STUDENT_READ)
def list_students(query: StudentQuery, actor: Actor) -> PageOf[StudentOut]:
    """List students; ``search`` finds beginnings of words in names, roll numbers and mobile numbers."""
    return services().students.list_students(query, actor)


@route(bp, "POST", "/bulk_delete", permission=Permission.STUDENT_DELETE, fresh=True)
def bulk_delete(body: StudentIds, actor: Actor) -> BulkDeleteOut:
    """Remove several students; the reply says of each whether it is gone, and why not."""
    return services().student_removal.remove_many(body.ids, actor)


@route(
    bp,
    "POST",
    "/send_credentials",
    permission=Permission.CREDENTIALS_SEND,
    status=202,
    raises=[BatchIsEmpty, RecipientsNotConfirmed],
)
def send_credentials(body: SendCredentials, actor: Actor) -> BatchJobOut:
    """Send one-time links to set a password; a new link ends the one before. More than 500 are confirmed."""
    return services().student_credentials.send(body, actor)


@route(bp, "GET", "/<student_id>", permission=Permission.STUDENT_READ, raises=[StudentNotFound])
def get_student(student_id: str, actor: Actor) -> StudentOut:
    """Read one student."""
    return services().students.get(student_id, actor)


@route(
    bp,
    "PATCH",
    "/<student_id>",
    permission=Permission.STUDENT_UPDATE,
    raises=[StudentNotFound, IdentifierTaken, TooManyTaken],
)
def update_student(student_id: str, body: StudentUpdate, revision: int | None, actor: Actor) -> StudentOut:
    """Change a student; what is left out stays. ``status`` ``deactivated`` keeps everything and locks out."""
    return services().students.change(student_id, body, revision, actor)


@route(
    bp,
    "DELETE",
    "/<student_id>/second_factor",
    permission=Permission.STUDENT_UPDATE,
    status=204,
    fresh=True,
    raises=[StudentNotFound],
)
def reset_second_factor(student_id: str, actor: Actor) -> None:
    """Remove the second factor of a student who has lost it; their sessions end."""
    services().student_second_factors.reset(student_id, actor)


@route(
    bp,
    "DELETE",
    "/<student_id>",
    permission=Permission.STUDENT_DELETE,
    status=204,
    raises=[StudentNotFound, StillInUse, NotOnlyYours],
)
def delete_student(student_id: str, actor: Actor) -> None:
    """Remove a student on whom nothing depends, and the account."""
    services().student_removal.remove(student_id, actor)


@route(
    bp,
    "POST",
    "/<student_id>/export",
    permission=Permission.STUDENT_EXPORT,
    fresh=True,
    raises=[StudentNotFound],
)
def export_student(student_id: str, actor: Actor) -> PersonExport:
    """Hand out everything that is stored about a student, but secrets."""
    return services().persons.export(services().persons.student(student_id, actor), actor)


@route(
    bp,
    "POST",
    "/<student_id>/anonymise",
    permission=Permission.STUDENT_ANONYMISE,
    status=204,
    fresh=True,
    raises=[StudentNotFound],
)
def anonymise_student(student_id: str, actor: Actor) -> None:
    """Take a student's name, numbers and addresses out of everything, for good; what was done stays."""
    services().persons.anonymise(services().persons.student(student_id, actor), actor)


@route(
    bp,
    "POST",
    "/<student_id>/unlock",
    permission=Permission.STUDENT_UPDATE,
    status=204,
    raises=[StudentNotFound],
)
def unlock_student(student_id: str, actor: Actor) -> None:
    """Let a student try to log in again who failed too often somewhere; the failures are forgotten."""
    services().student_unlocking.unlock(student_id, actor)
