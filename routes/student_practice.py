"""/student: practice, progress, what was sat before, and the dashboard. Everybody sees their own."""

from typing import Final

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import SIGNED_IN, route
from routes._kit.services import services
from services.attempts.problems import AttemptClosed, AttemptHeldElsewhere, AttemptNotFound, NotReleased
from services.dashboards.history import HistoryQuery, Sat
from services.dashboards.student import StudentDashboard
from services.features.switches import FeatureSwitchedOff
from services.practice.feedback_schemas import Checked, Review, SentCheck
from services.practice.listing import PracticeTests
from services.practice.problems import NoFeedbackNow, NothingToCheck
from services.practice.schemas import Progress
from utils.paging import PageOf
from utils.tasks import TookTooLong

bp = Blueprint("student_practice", __name__, url_prefix="/student")

CHECKING: Final = [AttemptNotFound, NoFeedbackNow, NothingToCheck, AttemptClosed, AttemptHeldElsewhere]


@route(bp, "GET", "/practice", permission=Permission.PRACTICE_TAKE)
def list_practice(actor: Actor) -> PracticeTests:
    """List your practice tests: what is open and why, what you reached, and what you have begun."""
    return services().practice_list.tests(actor)


@route(bp, "GET", "/progress", permission=Permission.PROGRESS_READ)
def get_progress(actor: Actor) -> Progress:
    """See how far you are in practice, step by step. No exam counts."""
    return services().practice_progress.own(actor)


@route(bp, "GET", "/dashboard", permission=Permission.DASHBOARD_READ, raises=[TookTooLong])
def dashboard(actor: Actor) -> StudentDashboard:
    """See what is ahead, how practice goes, and what you did lately."""
    return services().student_dashboards.of(actor)


@route(bp, "GET", "/history", permission=Permission.HISTORY_READ)
def list_history(query: HistoryQuery, actor: Actor) -> PageOf[Sat]:
    """List what you have sat, the newest first; an exam's score once it is released."""
    return services().student_history.attempts(query, actor)


@route(bp, "POST", "/attempts/<attempt_id>/check", permission=Permission.PRACTICE_TAKE, raises=CHECKING)
def check_answer(attempt_id: str, body: SentCheck, actor: Actor) -> Checked:
    """Have a saved answer of a practice attempt marked at once, where the test says so; it is final then."""
    return services().answer_feedback.check(attempt_id, body, actor)


@route(
    bp,
    "GET",
    "/attempts/<attempt_id>/review",
    permission=SIGNED_IN,
    raises=[AttemptNotFound, NotReleased, FeatureSwitchedOff],
)
def review_attempt(attempt_id: str, actor: Actor) -> Review:
    """Read a closed attempt with what is right: of practice at its end, of an exam once it is released."""
    return services().answer_feedback.review(attempt_id, actor)
