"""A job's report: a CSV file with one line per message, read and sent page by page."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from models import Actor
from services.audit.service import AuditService
from services.batch_jobs.control_repository import BatchJobStore
from services.batch_jobs.documents import BatchJob, Delivery
from services.batch_jobs.problems import ReportOutlived
from services.batch_jobs.service import BatchJobNotFound, scope_of
from utils.csv_cells import csv_line
from utils.paging import Keyset

PAGE: Final = 500
DOWNLOADED: Final = "batch_job.report_downloaded"
COLUMNS: Final = (
    "recipient_id",
    "name",
    "channel",
    "state",
    "reason",
    "attempts",
    "provider_message_id",
    "created_at",
    "updated_at",
)
FROM_THE_BEGINNING: Final = Keyset("id", "_id", 1, PAGE, None)


class Reports:
    """Writes reports for whoever may see the job."""

    def __init__(self, stored: BatchJobStore, audit: AuditService) -> None:
        self._stored, self._audit = stored, audit

    def report(self, job_id: str, actor: Actor) -> Iterator[bytes]:
        """Return the lines of a job's report; raise before the first one if there is none."""
        job = self._stored.jobs.find(actor.scope, job_id)
        if job is None:
            raise BatchJobNotFound()
        if job.summarised_at is not None:
            raise ReportOutlived()
        target = f"batch_job:{job.id}"
        self._audit.record(DOWNLOADED, actor_id=actor.id, campus_id=job.campus_id, target=target)
        return self._lines(job)

    def _lines(self, job: BatchJob) -> Iterator[bytes]:
        yield csv_line(COLUMNS).encode("utf-8-sig")
        keyset = FROM_THE_BEGINNING
        while rows := self._stored.deliveries.list_in(scope_of(job.campus_id), job.id, None, keyset):
            yield "".join(csv_line(_cells(Delivery.from_mongo(row))) for row in rows).encode()
            keyset = Keyset("id", "_id", 1, PAGE, (rows[-1]["_id"], str(rows[-1]["_id"])))


def _cells(delivery: Delivery) -> list[str]:
    return [
        delivery.recipient_id,
        delivery.name,
        delivery.channel,
        delivery.state,
        delivery.last_error or "",
        str(delivery.attempts),
        delivery.provider_message_id or "",
        _time(delivery.created_at),
        _time(delivery.updated_at),
    ]


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
