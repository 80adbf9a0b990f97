"""Sending one-time links to some students or a batch: a batch job, filled in the background."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from models import Actor
from services.accounts.documents import LinkPurpose
from services.accounts.links import OneTimeLinks
from services.audit.service import AuditService
from services.batch_jobs.documents import BatchJob, DeliveryState, JobType, Recipient
from services.batch_jobs.schemas import BatchJobOut
from services.batch_jobs.service import BatchJobService
from services.campuses.lookup import PlaceLookup
from services.ports import JSON, Channel, Done, JobEngine, JobResult, Later, Lease, Queue
from services.students.documents import Student, StudentStatus
from services.students.problems import BatchIsEmpty, RecipientsNotConfirmed
from services.students.repository import StudentRepository
from services.students.schemas import SendCredentials
from utils.batch_processor import chunked
from utils.problems import Invalid
from utils.scope import Scope
from utils.store import Store

FILL_JOB: Final = "students.send_credentials"
CHUNK: Final = 500
MOST_UNCONFIRMED: Final = 500
CHUNK_SECONDS: Final = 30.0
# A message that may still arrive, or may have, counts as arrived: to tell somebody twice is a choice
REACHED: Final = frozenset(DeliveryState) - {
    DeliveryState.FAILED,
    DeliveryState.BOUNCED,
    DeliveryState.COMPLAINED,
    DeliveryState.SKIPPED,
}


class StudentCredentials:
    """Opens jobs and fills them.

    Everybody gets an activation link, also who has a password already: by it they choose a new one.
    """

    def __init__(
        self,
        students: StudentRepository,
        store: Store,
        places: PlaceLookup,
        links: OneTimeLinks,
        batch_jobs: BatchJobService,
        engine: JobEngine,
        audit: AuditService,
    ) -> None:
        self._students, self._store, self._places = students, store, places
        self._links, self._batch_jobs, self._engine, self._audit = links, batch_jobs, engine, audit

    def send(self, wanted: SendCredentials, actor: Actor) -> BatchJobOut:
        """Open the job; its recipients are added in the background. Each new link ends the one before."""
        campus_id, courses = self._audience(wanted, actor)

        def work() -> BatchJob:
            job = self._batch_jobs.open(
                JobType.CREDENTIALS,
                tuple(dict.fromkeys(wanted.channels)),
                campus_id=campus_id,
                course_ids=courses,
                actor_id=actor.id,
                start_at=wanted.start_at,
                policy=wanted.policy,
            )
            args = _args(wanted, job, actor)
            key, turn = f"fill:{job.id}", job.campus_id
            self._engine.submit(FILL_JOB, args, queue=Queue.IMPORTS, key=key, group=job.id, fair=turn)
            self._record(wanted, job)
            return job

        return self._batch_jobs.show(self._store.atomically(work))

    def fill(self, lease: Lease) -> JobResult:
        """Add the recipients who are not in the job yet, chunk by chunk, then close it."""
        args = lease.args
        job = self._batch_jobs.find_for(str(args["job_id"]), str(args["campus_id"]))
        if job is None:
            return Done()
        for ids in chunked(self._ids(args), CHUNK):
            if not lease.alive():
                return Later(0)
            self._store.atomically(partial(self._add, job, ids, args), patience=CHUNK_SECONDS)
        self._store.atomically(lambda: self._batch_jobs.close(job))
        return Done()

    def dead(self, args: Mapping[str, JSON], _reason: str) -> None:
        """Close a job that could not be filled: whoever is in it gets the message."""
        job = self._batch_jobs.find_for(str(args["job_id"]), str(args["campus_id"]))
        if job is not None:
            self._store.atomically(lambda: self._batch_jobs.close(job))

    def _audience(self, wanted: SendCredentials, actor: Actor) -> tuple[str, tuple[str, ...]]:
        """Return the campus and the courses that the job is about; raise for anybody who is not there."""
        if wanted.batch_id is not None:
            batch = self._places.batch(actor, wanted.batch_id)
            people = len(self._students.ids_in_batch(_within(actor, batch.campus_id), batch.id))
            if not people:
                raise BatchIsEmpty()
            if people > MOST_UNCONFIRMED and wanted.confirm_recipients != people:
                raise RecipientsNotConfirmed(recipients=people)
            return batch.campus_id, _theirs(batch.course_ids, actor)
        ids = set(wanted.student_ids or ())
        found = self._students.find_many(actor.scope, sorted(ids))
        if len(found) != len(ids):
            raise Invalid.field("student_ids", "names a student who is not one of yours")
        if len({student.campus_id for student in found}) != 1:
            raise Invalid.field(
                "student_ids", "names students of more than one campus; send to each by itself"
            )
        courses = {course_id for student in found for course_id in student.course_ids}
        return found[0].campus_id, _theirs(sorted(courses), actor)

    def _record(self, wanted: SendCredentials, job: BatchJob) -> None:
        self._audit.record(
            "student.credentials_sent",
            actor_id=job.created_by,
            campus_id=job.campus_id,
            target=f"batch_job:{job.id}",
            batch_id=wanted.batch_id,
            student_ids=list(wanted.student_ids or ()),
            channels=[str(channel) for channel in job.channels],
            start_at=job.start_at,
        )

    def _ids(self, args: Mapping[str, JSON]) -> list[str]:
        if args["batch_id"] is not None:
            return self._students.ids_in_batch(_scope(args), str(args["batch_id"]))
        ids = args["student_ids"]
        return sorted(map(str, ids)) if isinstance(ids, Sequence) else []

    def _add(self, job: BatchJob, ids: Sequence[str], args: Mapping[str, JSON]) -> None:
        scope = _scope(args)
        known = self._batch_jobs.recipients_among(job, ids)
        people = [
            student
            for student in self._students.find_many(scope, [each for each in ids if each not in known])
            if student.status is StudentStatus.ACTIVE
        ]
        if args["only_failed"]:
            latest = self._batch_jobs.latest([student.id for student in people], scope)
            people = [s for s in people if _missed(latest.get(s.id, {}), job.channels)]
        theirs = [(s.id, s.campus_id) for s in people] if self._batch_jobs.goes_on(job) else []
        nonces = self._links.issue_many(LinkPurpose.ACTIVATE, theirs, from_at=job.start_at)
        self._batch_jobs.add(job, [_recipient(student, nonces.get(student.id, "")) for student in people])


def _missed(latest: Mapping[Channel, DeliveryState], channels: Sequence[Channel]) -> bool:
    """Tell whether somebody was written to over one of the channels, and none of them reached them."""
    known = {latest[channel] for channel in channels if channel in latest}
    return bool(known) and known.isdisjoint(REACHED)


def _recipient(student: Student, nonce: str) -> Recipient:
    addresses = {Channel.EMAIL: student.email, Channel.SMS: student.mobile_number}
    return Recipient(student.id, student.name, addresses, nonce, {"username": student.roll_number})


def _theirs(course_ids: Sequence[str], actor: Actor) -> tuple[str, ...]:
    """Return those of the courses that the actor may see, so that the job is one that the actor may see."""
    within = actor.scope.course_ids
    return tuple(c for c in course_ids if within is None or c in within)


def _args(wanted: SendCredentials, job: BatchJob, actor: Actor) -> dict[str, JSON]:
    within = actor.scope.course_ids
    return {
        "job_id": job.id,
        "campus_id": job.campus_id,
        "batch_id": wanted.batch_id,
        "student_ids": list(wanted.student_ids or ()),
        "only_failed": wanted.only_failed,
        "within": list(within) if within is not None else None,
    }


def _scope(args: Mapping[str, JSON]) -> Scope:
    """Return the scope of whoever asked, as it was then, for the work in the background."""
    within, campus_id = args["within"], str(args["campus_id"])
    if isinstance(within, Sequence):
        return Scope.courses(campus_id, tuple(map(str, within)))
    return Scope.campus(campus_id)


def _within(actor: Actor, campus_id: str) -> Scope:
    courses = actor.scope.course_ids
    return Scope.campus(campus_id) if courses is None else Scope.courses(campus_id, courses)
