"""Sub-batches that were given up: who looks after them, and how they come back."""

from datetime import datetime
from typing import Final, Self

from pydantic import BaseModel, Field

from models import Actor
from services.batch_jobs.control_repository import BatchJobStore
from services.batch_jobs.documents import BatchJob, DeadLetter, JobType
from services.batch_jobs.lifecycle import Lifecycle
from services.batch_jobs.problems import AlreadyPutBack, DeadLetterNotFound
from services.batch_jobs.progress import Announcer
from services.batch_jobs.retrying import Retrying
from services.batch_jobs.schemas import BatchJobOut
from services.batch_jobs.service import BatchJobNotFound, BatchJobService, scope_of
from services.ports import Channel
from utils.paging import Keyset, PageOf, PageQuery

NEWEST: Final = "-discarded_at"


class DeadLetterOut(BaseModel):
    """A sub-batch that no worker survived, or that never came to an end."""

    id: str
    job_id: str
    job_type: JobType
    channel: Channel
    number: int = Field(description="of the sub-batch, within what was added to the job at once")
    reason: str
    deliveries: int = Field(description="how many messages were given up with it")
    discarded_at: datetime

    @classmethod
    def of(cls, letter: DeadLetter) -> Self:
        """Show a stored dead letter."""
        return cls.model_validate(letter.model_dump())


class DeadLetters:
    """Lists what was given up, and puts it back."""

    def __init__(
        self,
        stored: BatchJobStore,
        service: BatchJobService,
        lifecycle: Lifecycle,
        retrying: Retrying,
        announcer: Announcer,
    ) -> None:
        self._stored, self._service, self._lifecycle = stored, service, lifecycle
        self._retrying, self._announcer = retrying, announcer

    def list_letters(self, query: PageQuery, actor: Actor) -> PageOf[DeadLetterOut]:
        """Return a page of dead letters that nobody has put back, newest first."""
        keyset = Keyset.of(query, {"discarded_at": "discarded_at"}, NEWEST)
        rows = self._stored.letters.list_open(actor.scope, keyset)
        return keyset.page(rows, lambda row: DeadLetterOut.of(DeadLetter.from_mongo(row)))

    def requeue(self, letter_id: str, actor: Actor) -> BatchJobOut:
        """Try again what failed with it; what may have arrived stays ``unknown``. One caller wins."""

        def work() -> BatchJob:
            letter = self._stored.letters.find(actor.scope, letter_id)
            if letter is None:
                raise DeadLetterNotFound()
            job = self._stored.jobs.find(actor.scope, letter.job_id)
            if job is None:
                raise BatchJobNotFound()
            if not self._stored.letters.put_back(actor.scope, letter_id):
                raise AlreadyPutBack()
            change = self._retrying.put_back(job, letter)
            self._stored.control.move(scope_of(job.campus_id), job, change)
            self._lifecycle.record(
                "batch_job.dead_letter_requeued",
                job,
                actor.id,
                state_before=job.state,
                sub_batch_id=letter_id,
            )
            return job

        job = self._stored.store.atomically(work)
        self._announcer.touch(job.id, job.campus_id)
        return self._service.get(job.id, actor)
