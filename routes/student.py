"""/student: what students call. An attempt is its student's alone."""

from typing import Final

from flask import Blueprint

from models import Actor
from routes._kit.endpoint import SIGNED_IN, Limits, route
from routes._kit.services import services
from services.assessments.problems import AssessmentNotFound
from services.attempts.plays import Play, PlayOut
from services.attempts.problems import (
    AttemptClosed,
    AttemptHeldElsewhere,
    AttemptNotFound,
    AttemptsUsedUp,
    PlaysUsedUp,
    SequenceReused,
    WindowNotOpen,
)
from services.attempts.schemas import (
    AnswersPut,
    AttemptOut,
    EventsIn,
    EventsOut,
    ReceiptOut,
    ReceiptQuery,
    SavedOut,
    SubmitOut,
)
from services.features.switches import FeatureSwitchedOff
from services.files.service import FileNotStored
from utils.problems import Invalid, Unavailable

bp = Blueprint("student", __name__, url_prefix="/student")

ANSWERS: Final = Limits(bytes=64 * 1024)
STARTING: Final = [
    AssessmentNotFound,
    FeatureSwitchedOff,
    WindowNotOpen,
    AttemptsUsedUp,
    AttemptHeldElsewhere,
]
OPEN: Final = [AttemptNotFound, AttemptClosed, AttemptHeldElsewhere, Unavailable]
ATTEMPT: Final = "/attempts/<attempt_id>"


@route(
    bp,
    "POST",
    "/tests/<test_id>/attempts",
    permission=SIGNED_IN,
    status=201,
    again=200,
    raises=[*STARTING, Unavailable],
)
def start_attempt(test_id: str, actor: Actor) -> AttemptOut:
    """Begin an attempt at a test, or go on with the one that has begun."""
    return services().attempt_starts.start(test_id, actor)


@route(bp, "GET", ATTEMPT, permission=SIGNED_IN, raises=[AttemptNotFound, AttemptHeldElsewhere])
def get_attempt(attempt_id: str, actor: Actor) -> AttemptOut:
    """Read an attempt: its paper while it is open, and what is saved."""
    return services().attempts.get(attempt_id, actor)


@route(
    bp,
    "PUT",
    f"{ATTEMPT}/answers",
    permission=SIGNED_IN,
    limits=ANSWERS,
    raises=[*OPEN, SequenceReused],
)
def save_answers(attempt_id: str, body: AnswersPut, actor: Actor) -> SavedOut:
    """Save answers. Of each slot the one with the highest ``seq`` counts, in whatever order they arrive."""
    return services().answers.save(attempt_id, body, actor)


@route(bp, "POST", f"{ATTEMPT}/submit", permission=SIGNED_IN, raises=OPEN)
def submit_attempt(attempt_id: str, actor: Actor) -> SubmitOut:
    """Submit an attempt for good. It may be repeated: the reply is the same."""
    return services().attempt_closing.submit(attempt_id, actor)


@route(bp, "POST", f"{ATTEMPT}/takeover", permission=SIGNED_IN, raises=OPEN)
def take_over_attempt(attempt_id: str, actor: Actor) -> AttemptOut:
    """Go on here with an attempt that another session holds; that one is told and can save no more."""
    return services().attempts.take_over(attempt_id, actor)


@route(bp, "POST", f"{ATTEMPT}/events", permission=SIGNED_IN, status=202, raises=OPEN)
def report_events(attempt_id: str, body: EventsIn, actor: Actor) -> EventsOut:
    """Report what happened during an attempt; without events, only that the client is there."""
    return services().answers.report(attempt_id, body, actor)


@route(
    bp,
    "POST",
    f"{ATTEMPT}/plays",
    permission=SIGNED_IN,
    status=201,
    raises=[*OPEN, PlaysUsedUp, FileNotStored, Invalid],
)
def play(attempt_id: str, body: Play, actor: Actor) -> PlayOut:
    """Hear what a slot lets be heard: the play is counted, and its link is good for a minute."""
    return services().plays.play(attempt_id, body, actor)


@route(bp, "GET", f"{ATTEMPT}/receipt", permission=SIGNED_IN, raises=[AttemptNotFound])
def get_receipt(attempt_id: str, query: ReceiptQuery, actor: Actor) -> ReceiptOut:
    """Read what is stored of an attempt, with a receipt; have one that you hold checked."""
    return services().attempts.receipt(attempt_id, query, actor)
