"""/batch_processing: what people do to jobs, and the sub-batches that were given up."""

from flask import Blueprint

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.batch_jobs.dead_letters import DeadLetterOut
from services.batch_jobs.problems import (
    AlreadyPutBack,
    BatchJobStateForbids,
    DeadLetterNotFound,
    MessagesOutlived,
    NothingToRetry,
    StillBeingFilled,
)
from services.batch_jobs.schemas import BatchJobOut, RetryFailed
from services.batch_jobs.service import BatchJobNotFound
from utils.paging import PageOf, PageQuery

bp = Blueprint("batch_control", __name__, url_prefix="/batch_processing")

CHANGES = [BatchJobNotFound, BatchJobStateForbids]
REOPENS = [BatchJobStateForbids, StillBeingFilled, NothingToRetry, MessagesOutlived]


@route(bp, "POST", "/jobs/<job_id>/pause", permission=Permission.BATCH_JOB_WRITE, raises=CHANGES)
def pause(job_id: str, actor: Actor) -> BatchJobOut:
    """Send nothing new until the job is resumed; what is on its way to the provider ends."""
    return services().batch_job_control.pause(job_id, actor)


@route(bp, "POST", "/jobs/<job_id>/resume", permission=Permission.BATCH_JOB_WRITE, raises=CHANGES)
def resume(job_id: str, actor: Actor) -> BatchJobOut:
    """Let a paused job be what it was."""
    return services().batch_job_control.resume(job_id, actor)


@route(bp, "POST", "/jobs/<job_id>/cancel", permission=Permission.BATCH_JOB_WRITE, raises=CHANGES)
def cancel(job_id: str, actor: Actor) -> BatchJobOut:
    """Send nothing new, ever: pending messages become ``skipped``, what is on its way ends."""
    return services().batch_job_control.cancel(job_id, actor)


@route(
    bp,
    "POST",
    "/jobs/<job_id>/retry_failed",
    permission=Permission.BATCH_JOB_WRITE,
    raises=[BatchJobNotFound, *REOPENS],
)
def retry_failed(job_id: str, body: RetryFailed | None, actor: Actor) -> BatchJobOut:
    """Put failed messages of a job back, as if they had never been tried; without a body only those."""
    chosen = body or RetryFailed()
    return services().batch_job_control.retry(job_id, include_unknown=chosen.include_unknown, actor=actor)


@route(bp, "GET", "/dead_letters", permission=Permission.BATCH_JOB_READ)
def list_dead_letters(query: PageQuery, actor: Actor) -> PageOf[DeadLetterOut]:
    """List sub-batches that were given up and not put back, newest first."""
    return services().dead_letters.list_letters(query, actor)


@route(
    bp,
    "POST",
    "/dead_letters/<letter_id>/requeue",
    permission=Permission.BATCH_JOB_WRITE,
    raises=[DeadLetterNotFound, AlreadyPutBack, *REOPENS],
)
def requeue(letter_id: str, actor: Actor) -> BatchJobOut:
    """Put back what failed with a dead letter; its job runs again."""
    return services().dead_letters.requeue(letter_id, actor)
