"""Applying a previewed roster: chunk by chunk, each in one transaction, so that it may die at any line."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from pymongo.errors import DuplicateKeyError

from services.accounts.documents import LinkPurpose
from services.accounts.links import OneTimeLinks
from services.accounts.names import IdentifierTaken
from services.batch_jobs.documents import BatchJob, Recipient
from services.batch_jobs.service import BatchJobService
from services.imports.diff import Known, fault_now
from services.imports.documents import ImportRow, ImportState, Outcome, RosterImport
from services.imports.preview import Directory, LeaseLost, known_of, scope_of
from services.imports.progress import ImportAnnouncer
from services.imports.repository import ImportStore
from services.imports.roster.lines import RosterStudent
from services.ports import Channel, Lease
from services.students.bulk import NewStudent, StudentBulk, StudentChange
from utils.documents import new_id
from utils.scope import Scope

CHUNK: Final = 150  # rows of one transaction: a small cache of MongoDB holds all that it touches
CHUNK_SECONDS: Final = 30.0
TRIES: Final = 5


class Applying:
    """Turns previewed rows into students, accounts, links and messages."""

    def __init__(
        self,
        stored: ImportStore,
        students: StudentBulk,
        links: OneTimeLinks,
        batch_jobs: BatchJobService,
        directory: Directory,
        announcer: ImportAnnouncer,
        country: str,
    ) -> None:
        self._stored, self._students, self._links = stored, students, links
        self._batch_jobs, self._directory = batch_jobs, directory
        self._announcer, self._country = announcer, country

    def run(self, roster: RosterImport, lease: Lease) -> None:
        """Apply what has not been applied yet, then end the import and close its batch job."""
        job = self._job(roster)
        while self._chunk(roster, job, lease):
            self._announcer.touch(roster.id, roster.campus_id)
        self._stored.store.atomically(lambda: self._end(roster, ImportState.APPLIED), patience=CHUNK_SECONDS)
        self._announcer.touch(roster.id, roster.campus_id)

    def _chunk(self, roster: RosterImport, job: BatchJob | None, lease: Lease) -> bool:
        """Apply some rows; False if none was left. Where somebody was faster to take a name, look again."""
        if not lease.alive():
            raise LeaseLost
        for _ in range(TRIES - 1):
            with suppress(DuplicateKeyError, IdentifierTaken):
                return self._stored.store.atomically(lambda: self._apply(roster, job), patience=CHUNK_SECONDS)
        return self._stored.store.atomically(lambda: self._apply(roster, job), patience=CHUNK_SECONDS)

    def _apply(self, roster: RosterImport, job: BatchJob | None) -> bool:
        scope, own = Scope.campus(roster.campus_id), scope_of(roster)
        # read in the transaction: a worker that stood still past its lease finds what the next one has done
        rows = self._stored.rows.next_to_apply(scope, roster, CHUNK)
        if not rows:
            return False
        wishes = {row.id: wish_of(row) for row in rows}
        known = known_of(self._directory, list(wishes.values()), own, self._country)
        faults = {
            row.id: fault for row in rows if (fault := fault_now(row, wishes[row.id], known, self._country))
        }
        good = [row for row in rows if row.id not in faults]
        ids = {row.id: row.student_id or new_id() for row in good}
        new = [(wishes[row.id], ids[row.id]) for row in good if row.outcome is Outcome.NEW]
        self._create(roster, job, new)
        self._change(roster, [row for row in good if row.outcome is Outcome.CHANGED], known)
        self._stored.rows.mark_applied(scope, ids)
        self._stored.rows.refuse(scope, faults)
        refused = Counter(row.outcome for row in rows if row.id in faults)
        self._stored.imports.count_applied(scope, roster.id, len(good), refused)
        return True

    def _create(
        self, roster: RosterImport, job: BatchJob | None, new: Sequence[tuple[RosterStudent, str]]
    ) -> None:
        if not new:
            return
        self._students.create_many(
            Scope.campus(roster.campus_id),
            [
                NewStudent(
                    id=student_id,
                    campus_id=roster.campus_id,
                    batch_id=roster.batch_id,
                    course_ids=wish.course_ids,
                    roll_number=wish.roll_number,
                    username=wish.username,
                    name=wish.name,
                    email=wish.email,
                    mobile_number=wish.mobile_number,
                    import_id=roster.id,
                )
                for wish, student_id in new
            ],
            roster.created_by,
        )
        if job is not None:
            self._tell(roster, job, new)

    def _tell(self, roster: RosterImport, job: BatchJob, new: Sequence[tuple[RosterStudent, str]]) -> None:
        reached = new if self._batch_jobs.goes_on(job) else ()
        theirs = [(student_id, roster.campus_id) for _, student_id in reached]
        nonces = self._links.issue_many(LinkPurpose.ACTIVATE, theirs)
        self._batch_jobs.add(
            job,
            [
                Recipient(
                    id=student_id,
                    name=wish.name,
                    addresses={Channel.EMAIL: wish.email, Channel.SMS: wish.mobile_number},
                    nonce=nonces.get(student_id, ""),
                    params={"name": wish.name, "username": wish.roll_number},
                )
                for wish, student_id in new
            ],
        )

    def _change(self, roster: RosterImport, changed: Sequence[ImportRow], known: Known) -> None:
        self._students.change_many(
            Scope.campus(roster.campus_id),
            [
                StudentChange(
                    student=known.students[row.student_id or ""],
                    fields={field: after for field, (_, after) in row.changes.items()},
                )
                for row in changed
            ],
            roster.created_by,
        )

    def abandon(self, roster: RosterImport, failure: dict[str, str]) -> None:
        """End an import that cannot go on; whoever was imported is still told."""
        self._stored.store.atomically(lambda: self._end(roster, ImportState.FAILED, failure))

    def _end(self, roster: RosterImport, state: ImportState, failure: dict[str, str] | None = None) -> None:
        scope = Scope.campus(roster.campus_id)
        ended = self._stored.imports.move(scope, roster.id, roster.state, state, failure=failure)
        if ended is not None and (job := self._job(roster)):
            self._batch_jobs.close(job)

    def _job(self, roster: RosterImport) -> BatchJob | None:
        return self._batch_jobs.find_for(roster.job_id, roster.campus_id) if roster.job_id else None


def wish_of(row: ImportRow) -> RosterStudent:
    """Return the normalised student that a stored row asks for."""
    fields = dict(row.student or {})
    return RosterStudent(**{**fields, "course_ids": tuple(fields["course_ids"])})
