"""What cannot be done to a job, and why."""

from collections.abc import Iterable
from typing import Self

from services.batch_jobs.documents import BatchJob, BatchJobState
from utils.problems import Conflict, Gone, NotFound


class BatchJobStateForbids(Conflict):
    """The job's ``state`` does not allow this; ``allowed`` names the states that do. Read the job again."""

    title = "The job is not in a state that allows this"

    @classmethod
    def of(cls, job: BatchJob, allowed: Iterable[BatchJobState]) -> Self:
        """Return the problem for a job."""
        wanted = [str(state) for state in allowed]
        detail = f"The job is {job.state}; this takes one that is {' or '.join(wanted)}."
        return cls(detail, state=str(job.state), allowed=wanted)


class StillBeingFilled(Conflict):
    """Recipients of this job are still being added or put back. Wait until its ``total`` stands still."""

    title = "The job is still being filled"


class NothingToRetry(Conflict):
    """No message of this is ``failed`` (nor ``unknown``, where those were asked for)."""

    title = "Nothing of this has failed"


class MessagesOutlived(Conflict):
    """The messages of this job have outlived their time and are deleted; only its counts are left."""

    title = "The messages of this job are deleted"


class ReportOutlived(Gone):
    """The messages of this job have outlived their time and are deleted, so there is nothing left to report.
    Its counts are still shown."""

    title = "The messages of this job are deleted"


class DeadLetterNotFound(NotFound):
    """No such dead letter, or not one of yours."""

    title = "No such dead letter"


class AlreadyPutBack(Conflict):
    """This dead letter was put back already, by somebody or with its whole job."""

    title = "The dead letter was put back already"
