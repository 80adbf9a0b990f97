"""Reading an uploaded roster and comparing it with what is there: the dry run. Writes no student."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from config.constants import ROSTER_CHUNK, ROSTER_MAX_COLUMNS, ROSTER_MAX_ROWS
from services.imports.diff import Known, Place, compare, forms_of, is_taken
from services.imports.documents import ImportRow, ImportState, RosterImport
from services.imports.progress import ImportAnnouncer
from services.imports.repository import ImportStore
from services.imports.roster.lines import RosterFailed, RosterHeader, RosterLine, RosterRow, RosterStudent
from services.imports.roster.read import RosterRequest, read_roster
from services.ports import FileStore, Lease
from services.students.documents import Student
from utils.limited_process import Killed, Limits
from utils.scope import Scope

END_SECONDS: Final = 30.0
KILLED_TRIES: Final = 5
KILLED: Final = (
    "Reading the file was interrupted again and again; the server may be short of memory. Upload it again "
    "later, or as a smaller file."
)
TOO_MANY_TAKEN: Final = (
    "Too many of its roll numbers or mobile numbers are in use elsewhere. Check that it is the right file; "
    "otherwise try again in an hour."
)


class LeaseLost(Exception):
    """Another worker has the job, or this process is stopping: begin again later."""


class Directory(Protocol):
    """What the preview asks about people and places."""

    def owners(self, forms: Sequence[str]) -> Mapping[str, str]:
        """Return the owner of each identifier that is taken, anywhere."""

    def students(self, scope: Scope, ids: Sequence[str]) -> Mapping[str, Student]:
        """Return those of these people who are students of the scope."""

    def groups(self, roster: RosterImport) -> Mapping[str, str]:
        """Return the names and codes of the courses that rows may name, with their ids."""

    def may_tell_taken(self, roster: RosterImport, rows: int) -> bool:
        """Note that ``rows`` identifiers were told as taken elsewhere; False if that is too many."""


def scope_of(roster: RosterImport) -> Scope:
    """Return the rows that the uploader could see."""
    if roster.within is None:
        return Scope.campus(roster.campus_id)
    return Scope.courses(roster.campus_id, roster.within)


class Preview:
    """Fills an import with rows and their outcomes."""

    def __init__(
        self,
        stored: ImportStore,
        files: FileStore,
        directory: Directory,
        announcer: ImportAnnouncer,
        country: str,
    ) -> None:
        self._stored, self._files = stored, files
        self._directory, self._announcer, self._country = directory, announcer, country

    def run(
        self, roster: RosterImport, limits: Limits, lease: Lease, then: Callable[[RosterImport], object]
    ) -> None:
        """Preview an import, or say why its file cannot be used; ``then`` is part of the last transaction."""
        try:
            columns = self._fill(roster, limits, lease)
        except Killed:
            if lease.attempt < KILLED_TRIES:
                raise  # so the job is tried again
            self._fail(roster, RosterFailed("interrupted", KILLED))
        except FileNotFoundError:
            self._fail(roster, RosterFailed("unreadable", "The upload is gone; upload it again."))
        except RosterFailed as failure:
            self._fail(roster, failure)
        else:
            self._stored.store.atomically(
                lambda: self._end(roster, columns, lease, then), patience=END_SECONDS
            )
            self._announcer.touch(roster.id, roster.campus_id)

    def _end(
        self,
        roster: RosterImport,
        columns: tuple[str, ...],
        lease: Lease,
        then: Callable[[RosterImport], object],
    ) -> None:
        scope = Scope.campus(roster.campus_id)
        counts = self._stored.rows.counts(scope, roster.id, lease.fence)
        fields = {"run": lease.fence, "counts": counts, "columns": list(columns), "rows_done": 0}
        done = self._stored.imports.move(
            scope, roster.id, ImportState.PARSING, ImportState.PREVIEWED, **fields
        )
        if done is not None:  # else a newer or an older claim was first, and its rows are those that count
            then(done)

    def _fill(self, roster: RosterImport, limits: Limits, lease: Lease) -> tuple[str, ...]:
        with self._files.local(file_name(roster.id)) as path:
            return self._read(roster, read_roster(self._request(roster, path), limits), lease)

    def _read(self, roster: RosterImport, lines: Iterator[RosterLine], lease: Lease) -> tuple[str, ...]:
        header = next(lines)
        columns = header.columns if isinstance(header, RosterHeader) else ()
        place = Place(roster.id, roster.campus_id, roster.batch_id, lease.fence, self._country)
        done = 0
        for chunk in _chunks(lines):
            if not lease.alive():
                raise LeaseLost
            compared = self._compare(roster, place, chunk)
            self._stored.rows.add(Scope.campus(roster.campus_id), compared)
            done += len(chunk)
            self._note(roster, rows_done=done, waiting_reason=None)
        return columns

    def _compare(self, roster: RosterImport, place: Place, chunk: Sequence[RosterRow]) -> list[ImportRow]:
        wishes = [row.student for row in chunk if row.student]
        known = known_of(self._directory, wishes, scope_of(roster), place.country)
        compared = [compare(row, known, place) for row in chunk]
        taken = sum(is_taken(row) for row in compared)
        if taken and not self._directory.may_tell_taken(roster, taken):
            raise RosterFailed("too-many-taken", TOO_MANY_TAKEN)
        return compared

    def _request(self, roster: RosterImport, path: Path) -> RosterRequest:
        return RosterRequest(
            path=path,
            filename=roster.filename,
            default_country=self._country,
            groups=self._directory.groups(roster),
            course_ids=roster.default_course_ids,
            max_rows=ROSTER_MAX_ROWS,
            max_columns=ROSTER_MAX_COLUMNS,
        )

    def _note(self, roster: RosterImport, **fields: Any) -> None:
        self._stored.imports.note(Scope.campus(roster.campus_id), roster.id, ImportState.PARSING, **fields)
        self._announcer.touch(roster.id, roster.campus_id)

    def _fail(self, roster: RosterImport, failure: RosterFailed) -> None:
        scope = Scope.campus(roster.campus_id)
        why = {"slug": failure.slug, "detail": failure.detail}
        self._stored.imports.move(scope, roster.id, ImportState.PARSING, ImportState.FAILED, failure=why)
        self._announcer.touch(roster.id, roster.campus_id)

    def wait(self, roster: RosterImport, reason: str) -> None:
        """Note what the reading waits for."""
        self._note(roster, waiting_reason=reason)

    def tidy(self, roster: RosterImport) -> None:
        """Remove what a finished reading leaves: its file, and the rows of readings that do not count."""
        self._stored.rows.forget_other_runs(Scope.campus(roster.campus_id), roster.id, roster.run)
        self._files.delete(file_name(roster.id))


def known_of(directory: Directory, students: Sequence[RosterStudent], scope: Scope, country: str) -> Known:
    """Return what the database says about these people."""
    forms = {form for student in students for form in forms_of(student, country)}
    owners = directory.owners(sorted(forms))
    return Known(owners, directory.students(scope, sorted(set(owners.values()))))


def file_name(import_id: str) -> str:
    """Return the name under which an upload is kept until it has been read."""
    return f"imports/{import_id}"


def _chunks(lines: Iterator[RosterLine]) -> Iterator[list[RosterRow]]:
    chunk: list[RosterRow] = []
    for line in lines:
        if isinstance(line, RosterRow):
            chunk.append(line)
        if len(chunk) == ROSTER_CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
