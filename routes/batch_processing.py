"""/batch_processing: background jobs over many recipients, and what became of each message."""

from flask import Blueprint, Response

from config.permissions import Permission
from models import Actor
from routes._kit.endpoint import route
from routes._kit.services import services
from services.batch_jobs.problems import ReportOutlived
from services.batch_jobs.schemas import BatchJobOut, BatchJobQuery, RecipientOut, RecipientQuery
from services.batch_jobs.service import BatchJobNotFound
from services.processes.schemas import ProcessOut
from utils.paging import PageOf

bp = Blueprint("batch_processing", __name__, url_prefix="/batch_processing")


@route(bp, "GET", "/jobs", permission=Permission.BATCH_JOB_READ)
def list_jobs(query: BatchJobQuery, actor: Actor) -> PageOf[BatchJobOut]:
    """List batch jobs, newest first."""
    return services().batch_jobs.list_jobs(query, actor)


@route(bp, "GET", "/jobs/<job_id>", permission=Permission.BATCH_JOB_READ, raises=[BatchJobNotFound])
def get_job(job_id: str, actor: Actor) -> BatchJobOut:
    """Read one batch job, its counts counted now."""
    return services().batch_jobs.get(job_id, actor)


@route(
    bp, "GET", "/jobs/<job_id>/recipients", permission=Permission.BATCH_JOB_READ, raises=[BatchJobNotFound]
)
def list_recipients(job_id: str, query: RecipientQuery, actor: Actor) -> PageOf[RecipientOut]:
    """List what became of each message of a job; ``state`` narrows."""
    return services().batch_jobs.recipients(job_id, query, actor)


@route(
    bp,
    "GET",
    "/jobs/<job_id>/report.csv",
    permission=Permission.BATCH_JOB_READ,
    raises=[BatchJobNotFound, ReportOutlived],
    media_type="text/csv",
)
def report(job_id: str, actor: Actor) -> Response:
    """Download what became of each message of a job, one line each."""
    lines = services().batch_job_reports.report(job_id, actor)
    name = f'attachment; filename="report-{job_id}.csv"'
    return Response(lines, content_type="text/csv", headers={"Content-Disposition": name})


@route(bp, "GET", "/workers", permission=Permission.WORKER_READ)
def list_workers() -> PageOf[ProcessOut]:
    """List the living server processes with their job seats, loops, memory and load."""
    return services().processes.list_processes()
