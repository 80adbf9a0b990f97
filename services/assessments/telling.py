"""Telling students of a test, or reminding those who have not begun: a batch job, filled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from models import Actor
from services.assessments.audience import group_of
from services.assessments.documents import Assessment
from services.assessments.exams import Sittings
from services.assessments.ground import AssessmentGround
from services.assessments.messages import current, params_of
from services.assessments.problems import AssessmentNotCurrent, NobodyToTell
from services.batch_jobs.documents import BatchJob, JobType, Recipient
from services.batch_jobs.schemas import BatchJobOut
from services.batch_jobs.service import BatchJobService
from services.campuses.lookup import PlaceLookup
from services.notifications.inbox import inbox_address
from services.notifications.templates import TEST_NOTIFICATION, TEST_REMINDER
from services.ports import JSON, Channel, Done, JobEngine, JobResult, Later, Lease, Queue
from services.students.documents import Student, StudentStatus
from services.students.problems import RecipientsNotConfirmed
from services.students.repository import StudentRepository
from utils.batch_processor import chunked
from utils.scope import Scope

TELL_JOB: Final = "assessments.tell"
CHUNK: Final = 500
CHUNK_SECONDS: Final = 30.0
MOST_UNCONFIRMED: Final = 500
TEMPLATES: Final = {
    JobType.TEST_NOTIFICATION: TEST_NOTIFICATION,
    JobType.TEST_REMINDER: TEST_REMINDER,
}
ACTIONS: Final = {
    JobType.TEST_NOTIFICATION: "test.notified",
    JobType.TEST_REMINDER: "test.reminded",
}


class Tell(BaseModel):
    """``confirm_recipients``: how many students are meant, where they are more than 500."""

    model_config = ConfigDict(extra="forbid")

    channels: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=3)]
    confirm_recipients: Annotated[int, Field(ge=1)] | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """Who is written to, and how."""

    students: StudentRepository
    places: PlaceLookup
    sittings: Sittings
    batch_jobs: BatchJobService
    engine: JobEngine


class ExamMessages:
    """Opens jobs and fills them. Whoever is enrolled while a job is filled may be in it or not."""

    def __init__(self, ground: AssessmentGround, reach: Reach) -> None:
        self._ground, self._reach = ground, reach

    def tell(self, kind: JobType, test_id: str, wanted: Tell, actor: Actor) -> BatchJobOut:
        """Open the job that notifies the audience of a test, or reminds those who have not begun."""

        def work() -> BatchJob:
            seen = self._ground.own(test_id, actor)
            if not current(seen):
                raise AssessmentNotCurrent()
            test, within = seen.test, actor.scope.course_ids
            self._confirm(len(self._ids(kind, test, _scope(test.campus_id, within))), wanted)
            job = self._open(kind, test, tuple(dict.fromkeys(wanted.channels)), actor.id)
            self._submit(job, test, within)
            self._ground.record(ACTIONS[kind], seen, actor, job=job.id)
            return job

        return self._reach.batch_jobs.show(self._ground.store.atomically(work))

    def remind(self, test: Assessment) -> BatchJob | None:
        """Open the job of a reminder that is due, in the name of whoever set the test's times.

        None where everybody has begun. For a transaction.
        """
        kind = JobType.TEST_REMINDER
        if not self._ids(kind, test, _scope(test.campus_id, None)):
            return None
        job = self._open(kind, test, test.reminder_channels, test.reminders_by or test.created_by)
        self._submit(job, test, None)
        return job

    def fill(self, lease: Lease) -> JobResult:
        """Add the recipients who are not in the job yet, chunk by chunk, then close it."""
        job, test, scope = self._meant(lease.args)
        if job is None:
            return Done()
        if test is not None:
            params = params_of(test, self._reach.places.timezone(test.campus_id) or "UTC")
            for ids in chunked(self._ids(job.type, test, scope), CHUNK):
                if not lease.alive():
                    return Later(0)
                add = partial(self._add, job, ids, scope, params)
                self._ground.store.atomically(add, patience=CHUNK_SECONDS)
        self._ground.store.atomically(lambda: self._reach.batch_jobs.close(job))
        return Done()

    def dead(self, args: Mapping[str, JSON], _reason: str) -> None:
        """Close a job that could not be filled: whoever is in it gets the message."""
        job, _, _ = self._meant(args)
        if job is not None:
            self._ground.store.atomically(lambda: self._reach.batch_jobs.close(job))

    def _open(
        self, kind: JobType, test: Assessment, channels: tuple[Channel, ...], actor_id: str
    ) -> BatchJob:
        return self._reach.batch_jobs.open(
            kind,
            channels,
            campus_id=test.campus_id,
            course_ids=test.course_ids,
            actor_id=actor_id,
            template=TEMPLATES[kind],
        )

    def _submit(self, job: BatchJob, test: Assessment, within: Sequence[str] | None) -> None:
        args: dict[str, JSON] = {
            "job_id": job.id,
            "campus_id": test.campus_id,
            "test_id": test.id,
            "within": list(within) if within is not None else None,
        }
        key, turn = f"fill:{job.id}", test.campus_id
        self._reach.engine.submit(TELL_JOB, args, queue=Queue.IMPORTS, key=key, group=job.id, fair=turn)

    def _meant(self, args: Mapping[str, JSON]) -> tuple[BatchJob | None, Assessment | None, Scope]:
        campus_id, within = str(args["campus_id"]), args["within"]
        courses = [str(one) for one in within] if isinstance(within, list | tuple) else None
        job = self._reach.batch_jobs.find_for(str(args["job_id"]), campus_id)
        seen = self._ground.tests.find(Scope.campus(campus_id), str(args["test_id"]))
        return job, seen.test if seen else None, _scope(campus_id, courses)

    def _ids(self, kind: JobType, test: Assessment, scope: Scope) -> list[str]:
        ids = self._reach.students.group_ids(scope, group_of(test))
        if kind is not JobType.TEST_REMINDER:
            return ids
        begun = self._reach.sittings.begun(test.campus_id, test.id, ids)
        return [one for one in ids if one not in begun]

    def _confirm(self, people: int, wanted: Tell) -> None:
        if not people:
            raise NobodyToTell()
        if people > MOST_UNCONFIRMED and wanted.confirm_recipients != people:
            raise RecipientsNotConfirmed(recipients=people)

    def _add(self, job: BatchJob, ids: Sequence[str], scope: Scope, params: Mapping[str, str]) -> None:
        jobs = self._reach.batch_jobs
        known = jobs.recipients_among(job, ids)
        found = self._reach.students.find_many(scope, [one for one in ids if one not in known])
        people = [student for student in found if student.status is StudentStatus.ACTIVE]
        jobs.add(job, [_recipient(student, params) for student in people])


def _recipient(student: Student, params: Mapping[str, str]) -> Recipient:
    addresses = {
        Channel.EMAIL: student.email,
        Channel.SMS: student.mobile_number,
        Channel.INBOX: inbox_address(student.id, student.campus_id),
    }
    return Recipient(student.id, student.name, addresses, params=params)


def _scope(campus_id: str, within: Sequence[str] | None) -> Scope:
    """Return the scope of whoever asked, as it was then, for the work in the background."""
    return Scope.campus(campus_id) if within is None else Scope.courses(campus_id, tuple(within))
