"""Sending one-time links to some students or a batch: a batch job, filled in the background."""

from collections.abc import Mapping, Sequence
from typing import Final

from models import Actor
from services.accounts.documents import LinkPurpose
from services.accounts.links import OneTimeLinks
from services.batch_jobs.documents import BatchJob, DeliveryState, JobType, Recipient
from services.batch_jobs.schemas import BatchJobOut
from services.batch_jobs.service import BatchJobService
from services.campuses.lookup import PlaceLookup
from services.ports import JSON, Channel, Done, JobEngine, JobResult, Later, Lease, Queue
from services.students.documents import Student, StudentStatus
from services.students.repository import StudentRepository
from services.students.schemas import SendCredentials
from utils.batch_processor import chunked
from utils.problems import Invalid
from utils.scope import Scope
from utils.store import Store

FILL_JOB: Final = "students.send_credentials"
CHUNK: Final = 500
CHUNK_SECONDS: Final = 30.0
FAILED: Final = (DeliveryState.FAILED, DeliveryState.BOUNCED)


class StudentCredentials:
    """Opens jobs and fills them."""

    def __init__(
        self,
        students: StudentRepository,
        store: Store,
        places: PlaceLookup,
        links: OneTimeLinks,
        batch_jobs: BatchJobService,
        engine: JobEngine,
    ) -> None:
        self._students, self._store, self._places = students, store, places
        self._links, self._batch_jobs, self._engine = links, batch_jobs, engine

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
            )
            within = actor.scope.course_ids
            args: dict[str, JSON] = {
                "job_id": job.id,
                "campus_id": campus_id,
                "batch_id": wanted.batch_id,
                "student_ids": list(wanted.student_ids or ()),
                "only_failed": wanted.only_failed,
                "within": list(within) if within is not None else None,
            }
            self._engine.submit(FILL_JOB, args, queue=Queue.IMPORTS, key=f"fill:{job.id}")
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
            self._store.atomically(lambda some=ids: self._add(job, some, args), patience=CHUNK_SECONDS)  # type: ignore[misc]
        self._store.atomically(lambda: self._batch_jobs.close(job))
        return Done()

    def dead(self, args: Mapping[str, JSON], _reason: str) -> None:
        """Close a job that could not be filled: whoever is in it gets the message."""
        job = self._batch_jobs.find_for(str(args["job_id"]), str(args["campus_id"]))
        if job is not None:
            self._store.atomically(lambda: self._batch_jobs.close(job))

    def _audience(self, wanted: SendCredentials, actor: Actor) -> tuple[str, tuple[str, ...]]:
        """Return the campus and the courses that the job is about; raise Invalid for anybody not there."""
        if wanted.batch_id is not None:
            batch = self._places.batch(actor, wanted.batch_id)
            within = actor.scope.course_ids
            return batch.campus_id, tuple(c for c in batch.course_ids if within is None or c in within)
        ids = set(wanted.student_ids or ())
        found = self._students.find_many(actor.scope, sorted(ids))
        if len(found) != len(ids):
            raise Invalid.field("student_ids", "names a student who is not one of yours")
        if len({student.campus_id for student in found}) != 1:
            raise Invalid.field(
                "student_ids", "names students of more than one campus; send to each by itself"
            )
        within = actor.scope.course_ids
        courses = {c for student in found for c in student.course_ids if within is None or c in within}
        return found[0].campus_id, tuple(sorted(courses))

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
            people = [s for s in people if any(latest.get(s.id, {}).get(c) in FAILED for c in job.channels)]
        nonces = self._links.issue_many(LinkPurpose.ACTIVATE, [(s.id, s.campus_id) for s in people])
        self._batch_jobs.add(job, [_recipient(student, nonces[student.id]) for student in people])


def _recipient(student: Student, nonce: str) -> Recipient:
    addresses = {Channel.EMAIL: student.email, Channel.SMS: student.mobile_number}
    return Recipient(student.id, student.name, addresses, nonce, {"username": student.username})


def _scope(args: Mapping[str, JSON]) -> Scope:
    within, campus_id = args["within"], str(args["campus_id"])
    if isinstance(within, Sequence):
        return Scope.courses(campus_id, tuple(map(str, within)))
    return Scope.campus(campus_id)
