"""Batch jobs: messages to many people, in the background, each exactly once."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from models import Actor
from services.batch_jobs.delivery_repository import DeliveryRepository
from services.batch_jobs.documents import (
    BatchJob,
    BatchJobState,
    Delivery,
    DeliveryState,
    JobType,
    Recipient,
    RepeatPolicy,
    SubBatch,
)
from services.batch_jobs.repository import BatchJobRepository
from services.batch_jobs.schemas import BatchJobOut, BatchJobQuery, RecipientOut, RecipientQuery
from services.notifications.templates import TemplateSource, version_of
from services.notifications.texts import MessageTexts, brought
from services.ports import Channel, JobEngine, MessageSender, Queue
from utils.batch_processor import chunked
from utils.clock import Clock
from utils.documents import new_id
from utils.paging import Keyset, PageOf
from utils.problems import Conflict, Invalid, NotFound
from utils.scope import Scope
from utils.store import Store

SEND_JOB: Final = "batch_jobs.send"
FINISH_JOB: Final = "batch_jobs.finish"
FURTHEST_START: Final = timedelta(days=90)
NO_ADDRESS: Final = {
    Channel.EMAIL: "no email address",
    Channel.SMS: "no mobile number",
    Channel.INBOX: "no inbox",
}


class ParametersMissing(Conflict):
    """The message text names something that is not known of every recipient, so none of them is written to.
    Take it out of the template, or add what is missing to the recipients."""

    title = "The message cannot be filled in for every recipient"


class BatchJobNotFound(NotFound):
    """No such batch job, or not one of yours."""

    title = "No such batch job"


def scope_of(campus_id: str | None) -> Scope:
    """Return the scope in which a job's own work runs."""
    return Scope.campus(campus_id) if campus_id else Scope.unscoped("a job of the platform")


def turn_of(job: BatchJob) -> str:
    """Return whose turn a job's work takes: its campus's, among those of the campus its own."""
    return f"{job.campus_id or 'platform'}/{job.id}"


class BatchJobService:
    """Opens jobs, fills them, and says how far they are."""

    def __init__(
        self,
        jobs: BatchJobRepository,
        deliveries: DeliveryRepository,
        store: Store,
        engine: JobEngine,
        texts: MessageTexts,
        senders: Mapping[Channel, MessageSender],
        clock: Clock,
        sub_batch_size: int,
    ) -> None:
        self._jobs, self._deliveries, self._store = jobs, deliveries, store
        self._engine, self._texts, self._senders = engine, texts, senders
        self._clock, self._size = clock, sub_batch_size

    # --- filling: inside the caller's transaction ---

    def open(
        self,
        job_type: JobType,
        channels: Sequence[Channel],
        *,
        campus_id: str | None,
        course_ids: tuple[str, ...],
        actor_id: str,
        template: str = "credentials",
        policy: RepeatPolicy = RepeatPolicy.AT_MOST_ONCE,
        texts_of: str | None = None,
        sources: Mapping[Channel, TemplateSource] | None = None,
        start_at: datetime | None = None,
    ) -> BatchJob:
        """Store a new job without recipients; the template's present text is kept for all of its messages.

        It is the text of the job's campus, or of ``texts_of``; ``sources`` gives one that nobody has kept.
        With ``start_at`` nothing is sent before then, by MongoDB's clock.
        """
        self._refuse_start(start_at)
        place = texts_of or campus_id
        sources = sources or {channel: self._texts.source(template, channel, place) for channel in channels}
        version = f"{template}:{version_of(sources)}"
        self._jobs.keep_version(version, sources)
        job = BatchJob(
            type=job_type,
            campus_id=campus_id,
            course_ids=course_ids,
            channels=tuple(channels),
            template=template,
            template_version=version,
            policy=policy,
            needs=brought(template, sources.values()),
            created_by=actor_id,
            created_at=self._clock.now(),
            start_at=start_at,
        )
        self._jobs.add(scope_of(campus_id), job)
        return job

    def add(self, job: BatchJob, recipients: Sequence[Recipient]) -> None:
        """Give the job more recipients: deliveries in sub-batches, each with the engine job that sends it.

        A recipient without an address for a channel gets a delivery that is ``skipped`` and says so; in a job
        that was cancelled meanwhile, everybody does. Raises ParametersMissing, before anything is stored, if
        the texts ask for what a recipient does not bring.
        """
        _require(job.needs, recipients)
        scope, cancelled = scope_of(job.campus_id), not self.goes_on(job)
        sub_batches: list[SubBatch] = []
        deliveries: list[Delivery] = []
        for channel in job.channels:
            for some in chunked(recipients, self._size):
                sub_batch = SubBatch(
                    id=new_id(),
                    job_id=job.id,
                    campus_id=job.campus_id,
                    channel=channel,
                    number=len(sub_batches),
                    done=cancelled,
                )
                deliveries += self._frozen(job, sub_batch, some)
                sub_batches.append(sub_batch)
        self._deliveries.add(scope, deliveries)
        self._jobs.add_sub_batches(scope, sub_batches)
        self.send_later(job, [sub_batch for sub_batch in sub_batches if not sub_batch.done])

    def goes_on(self, job: BatchJob) -> bool:
        """Tell whether a job still takes recipients to send to: ask before their links are issued."""
        now = self._jobs.find(scope_of(job.campus_id), job.id)
        return now is not None and now.state is not BatchJobState.CANCELLED

    def send_later(self, job: BatchJob, sub_batches: Sequence[SubBatch]) -> None:
        """Have sub-batches sent in the background, not before the job's start."""
        ids = {"job_id": job.id, "campus_id": job.campus_id}
        turn, due = turn_of(job), job.start_at
        for channel, its in groupby(sub_batches, key=lambda sub_batch: sub_batch.channel):
            work = [(one.id, {**ids, "sub_batch_id": one.id}) for one in its]
            queue = Queue(channel.value)
            self._engine.submit_many(SEND_JOB, work, queue=queue, group=job.id, fair=turn, run_at=due)

    def close(self, job: BatchJob) -> None:
        """Say that no more recipients will come, so that the job can complete."""
        if self._jobs.mark_filled(scope_of(job.campus_id), job.id):
            self.finish_later(job, f"finish:{job.id}:{job.round}")

    def finish_later(self, job: BatchJob, key: str) -> None:
        """Have it found out in the background whether a job is at its end."""
        args, turn = {"job_id": job.id, "campus_id": job.campus_id}, turn_of(job)
        self._engine.submit(FINISH_JOB, args, queue=Queue.MESSAGES, key=key, group=job.id, fair=turn)

    def _refuse_start(self, start_at: datetime | None) -> None:
        if start_at is None:
            return
        now = self._clock.now()
        if not now < start_at <= now + FURTHEST_START:
            raise Invalid.field(
                "start_at", f"must lie in the future, at most {FURTHEST_START.days} days ahead"
            )

    def _frozen(self, job: BatchJob, sub_batch: SubBatch, some: Sequence[Recipient]) -> list[Delivery]:
        unit_size = self._senders[sub_batch.channel].unit_size
        return [
            self._delivery(job, sub_batch, number, unit, recipient)
            for number, (unit, recipient) in enumerate(_keyed(some, unit_size))
        ]

    def _delivery(
        self, job: BatchJob, sub_batch: SubBatch, number: int, unit: str, recipient: Recipient
    ) -> Delivery:
        to, now = recipient.addresses.get(sub_batch.channel), self._clock.now()
        reason = "cancelled" if sub_batch.done else None if to else NO_ADDRESS[sub_batch.channel]
        state = DeliveryState.SKIPPED if reason else DeliveryState.PENDING
        return Delivery(
            job_id=job.id,
            sub_batch_id=sub_batch.id,
            campus_id=job.campus_id,
            recipient_id=recipient.id,
            channel=sub_batch.channel,
            number=number,
            name=recipient.name,
            to=to,
            nonce=recipient.nonce,
            params=dict(recipient.params),
            unit=unit,
            state=state,
            last_error=reason,
            history=({"state": state, "at": now} | ({"reason": reason} if reason else {}),),
            created_at=now,
            updated_at=now,
        )

    # --- reading ---

    def get(self, job_id: str, actor: Actor) -> BatchJobOut:
        """Return a job with fresh counts; a job that the actor may not see does not exist."""
        return self.show(self._found(job_id, actor))

    def show(self, job: BatchJob) -> BatchJobOut:
        """Return a job as clients see it, its counts counted now, or kept from when they could be counted."""
        if job.summarised_at is not None:
            return BatchJobOut.of(job, self._clock.now())
        scope = scope_of(job.campus_id)
        total, done = self._jobs.sub_batches_of(scope, job.id)
        counts = self._deliveries.counts(scope, job.id)
        fresh = {"counts": counts, "sub_batches": total, "sub_batches_done": done}
        return BatchJobOut.of(job.model_copy(update=fresh), self._clock.now())

    def list_jobs(self, query: BatchJobQuery, actor: Actor) -> PageOf[BatchJobOut]:
        """Return a page of jobs, newest first, with the counts that were last kept."""
        keyset = Keyset.of(query, {"id": "_id"}, "-id")
        filters = {k: v for k, v in (("state", query.state), ("type", query.type)) if v is not None}
        rows = self._jobs.list_jobs(actor.scope, filters, keyset)
        now = self._clock.now()
        return keyset.page(rows, lambda row: BatchJobOut.of(BatchJob.from_mongo(row), now))

    def recipients(self, job_id: str, query: RecipientQuery, actor: Actor) -> PageOf[RecipientOut]:
        """Return a page of what became of each message."""
        job = self._found(job_id, actor)
        keyset = Keyset.of(query, {"id": "_id"}, "id")
        if job.summarised_at is not None:
            return PageOf(items=[], next_cursor=None)
        rows = self._deliveries.list_in(scope_of(job.campus_id), job.id, query.state, keyset)
        return keyset.page(rows, lambda row: RecipientOut.of(Delivery.from_mongo(row)))

    def latest(
        self, recipient_ids: Sequence[str], scope: Scope
    ) -> Mapping[str, Mapping[Channel, DeliveryState]]:
        """Return the state of each person's newest message per channel."""
        wide = Scope.campus(scope.campus_id) if scope.campus_id else Scope.everything()
        return self._deliveries.latest(wide, recipient_ids)

    def recipients_among(self, job: BatchJob, ids: Sequence[str]) -> set[str]:
        """Return those of these people who are in the job already."""
        return self._deliveries.recipients_among(scope_of(job.campus_id), job.id, ids)

    def skip(self, scope: Scope, recipient_ids: Sequence[str], reason: str) -> None:
        """Keep back every message to these people that has not left."""
        self._deliveries.skip(scope, recipient_ids, reason)

    def find_for(self, job_id: str, campus_id: str | None) -> BatchJob | None:
        """Return a job, for the background work that fills it."""
        return self._jobs.find(scope_of(campus_id), job_id)

    def _found(self, job_id: str, actor: Actor) -> BatchJob:
        job = self._jobs.find(actor.scope, job_id)
        if job is None:
            raise BatchJobNotFound()
        return job


def _require(needs: Sequence[str], recipients: Sequence[Recipient]) -> None:
    lacking = {name for name in needs for recipient in recipients if not recipient.params.get(name)}
    if lacking:
        raise ParametersMissing(f"Missing: {', '.join(sorted(lacking))}.", missing=sorted(lacking))


def _keyed(some: Sequence[Recipient], unit_size: int) -> list[tuple[str, Recipient]]:
    """Give each run of ``unit_size`` recipients one idempotency key."""
    keyed = []
    for _, run in groupby(enumerate(some), key=lambda pair: pair[0] // unit_size):
        unit = str(uuid.uuid4())
        keyed += [(unit, recipient) for _, recipient in run]
    return keyed
