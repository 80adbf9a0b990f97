"""/student: what students say. A recording is its student's alone, and of one question of one attempt."""

from typing import Final

from flask import Blueprint

from models import Actor
from routes._kit.endpoint import SIGNED_IN, route
from routes._kit.services import services
from services.attempts.problems import AttemptClosed, AttemptHeldElsewhere, AttemptNotFound
from services.attempts.recordings import RecordingCreate
from services.files.schemas import FileOut, LinkOut, UploadOut
from services.files.service import FileNotFound, FileNotStored, TooManyRecordings
from utils.problems import Invalid

bp = Blueprint("student_recordings", __name__, url_prefix="/student")

RECORDING: Final = "/recordings/<file_id>"


@route(
    bp,
    "POST",
    "/attempts/<attempt_id>/recordings",
    permission=SIGNED_IN,
    status=201,
    raises=[AttemptNotFound, AttemptClosed, AttemptHeldElsewhere, TooManyRecordings, Invalid],
)
def announce_recording(attempt_id: str, body: RecordingCreate, actor: Actor) -> UploadOut:
    """Announce a recording for a question: send its bytes to the link, complete it, answer with its id."""
    return services().recordings.announce(attempt_id, body, actor)


@route(bp, "POST", f"{RECORDING}/complete", permission=SIGNED_IN, status=202, raises=[FileNotFound])
def complete_recording(file_id: str, actor: Actor) -> FileOut:
    """Say that the bytes are there. They are checked in the background; an answer may name it at once."""
    return services().recordings.complete(file_id, actor)


@route(bp, "GET", RECORDING, permission=SIGNED_IN, raises=[FileNotFound])
def get_recording(file_id: str, actor: Actor) -> FileOut:
    """Read what is known of an own recording."""
    return services().recordings.get(file_id, actor)


@route(bp, "GET", f"{RECORDING}/link", permission=SIGNED_IN, raises=[FileNotFound, FileNotStored])
def link_recording(file_id: str, actor: Actor) -> LinkOut:
    """Get a link that downloads an own recording. It is good for a minute, for whoever has it."""
    return services().recordings.link(file_id, actor)
