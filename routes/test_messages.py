"""/test_management: students are told of a test, and reminded of it."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.assessments.problems import AssessmentNotCurrent, AssessmentNotFound, NobodyToTell
from services.assessments.telling import Tell
from services.batch_jobs.documents import JobType
from services.batch_jobs.schemas import BatchJobOut
from services.campuses.problems import NotOnlyYours
from services.students.problems import RecipientsNotConfirmed

bp = Blueprint("test_messages", __name__, url_prefix="/test_management/tests/<test_id>")

NOTIFY = Permission.TEST_NOTIFY
RAISES = [AssessmentNotFound, NotOnlyYours, AssessmentNotCurrent, NobodyToTell, RecipientsNotConfirmed]


@route(bp, "POST", "/notify", permission=NOTIFY, status=202, raises=RAISES)
def notify(test_id: str, body: Tell, actor: Actor) -> BatchJobOut:
    """Tell the audience of a published test of it, by a batch job."""
    return services().exam_messages.tell(JobType.TEST_NOTIFICATION, test_id, body, actor)


@route(bp, "POST", "/remind", permission=NOTIFY, status=202, raises=RAISES)
def remind(test_id: str, body: Tell, actor: Actor) -> BatchJobOut:
    """Remind those of the audience who have not begun, by a batch job."""
    return services().exam_messages.tell(JobType.TEST_REMINDER, test_id, body, actor)
