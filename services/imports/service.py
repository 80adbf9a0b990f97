"""Roster imports: upload, preview, commit. The work itself runs in the background."""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from models import Actor
from services.audit.service import AuditService
from services.batch_jobs.documents import JobType
from services.batch_jobs.service import BatchJobService
from services.imports.documents import ImportRow, ImportState, Outcome, RosterImport
from services.imports.preview import file_name
from services.imports.repository import ImportStore
from services.imports.roster.error_file import error_csv, reason_of
from services.imports.roster.lines import LABELS, CellError
from services.imports.schemas import (
    ImportCommit,
    ImportCreate,
    ImportOut,
    ImportQuery,
    ImportRowOut,
    ImportRowQuery,
)
from services.ports import Channel, FileStore, JobEngine, Queue
from utils.clock import Clock
from utils.documents import new_id
from utils.paging import Keyset, PageOf
from utils.problems import Conflict, Invalid, NotFound
from utils.scope import Scope

PREVIEW_JOB: Final = "imports.preview"
APPLY_JOB: Final = "imports.apply"
PAGE: Final = 500
SUFFIXES: Final = (".csv", ".xlsx", ".txt", ".tsv", ".xlsm", ".xls")  # the last two get their own explanation


class ImportNotFound(NotFound):
    """No such import, or not one of yours."""

    title = "No such import"


class ImportNotPreviewed(Conflict):
    """Only a previewed import can be committed, once. Read its state; upload the file again if it failed."""

    title = "The import is not waiting for a commit"


class BatchPlaces(Protocol):
    """What uploading asks about the organisation."""

    def import_place(
        self, actor: Actor, batch_id: str, course_ids: Sequence[str]
    ) -> tuple[str, tuple[str, ...]]:
        """Return the batch's campus and those of its courses that are the actor's.

        Raise Invalid naming ``batch_id`` or ``course_ids`` when one is not there for this actor.
        """


class ImportService:
    """What clients ask of imports."""

    def __init__(
        self,
        stored: ImportStore,
        files: FileStore,
        engine: JobEngine,
        batch_jobs: BatchJobService,
        audit: AuditService,
        places: BatchPlaces,
        clock: Clock,
    ) -> None:
        self._stored, self._files, self._engine = stored, files, engine
        self._batch_jobs, self._audit, self._places, self._clock = batch_jobs, audit, places, clock

    def upload(self, wanted: ImportCreate, actor: Actor) -> ImportOut:
        """Keep the file and have it previewed in the background; with ``dry_run=false`` applied as well."""
        if not wanted.filename.lower().endswith(SUFFIXES):
            raise Invalid.field("file", "must be a .csv or .xlsx file")
        if not wanted.content:
            raise Invalid.field("file", "is empty: choose the file that holds the students")
        campus_id, courses = self._places.import_place(actor, wanted.batch_id, wanted.course_ids)
        now = self._clock.now()
        roster = RosterImport(
            id=new_id(),
            campus_id=campus_id,
            batch_id=wanted.batch_id,
            course_ids=courses,
            default_course_ids=wanted.course_ids,
            within=actor.scope.course_ids,
            filename=wanted.filename,
            apply_at_once=not wanted.dry_run,
            channels=_distinct(wanted.channels),
            created_by=actor.id,
            created_at=now,
            updated_at=now,
        )
        self._files.put(file_name(roster.id), wanted.content)
        self._stored.store.atomically(lambda: self._begin(roster))
        return ImportOut.of(roster)

    def get(self, import_id: str, actor: Actor) -> ImportOut:
        """Return an import; one that the actor may not see does not exist."""
        return ImportOut.of(self._found(import_id, actor))

    def list_imports(self, query: ImportQuery, actor: Actor) -> PageOf[ImportOut]:
        """Return a page of imports, newest first."""
        keyset = Keyset.of(query, {"id": "_id"}, "-id")
        filters = {"batch_id": query.batch_id} if query.batch_id else {}
        rows = self._stored.imports.list_imports(actor.scope, filters, keyset)
        return keyset.page(rows, lambda row: ImportOut.of(RosterImport.from_mongo(row)))

    def list_rows(self, import_id: str, query: ImportRowQuery, actor: Actor) -> PageOf[ImportRowOut]:
        """Return a page of rows in the order of the file."""
        roster = self._found(import_id, actor)
        keyset = Keyset.of(query, {"row": "row"}, "row")
        rows = self._stored.rows.list_rows(Scope.campus(roster.campus_id), roster, query.outcome, keyset)
        within = actor.scope.course_ids
        return keyset.page(rows, lambda row: ImportRowOut.of(ImportRow.from_mongo(row), within))

    def error_file(self, import_id: str, actor: Actor) -> Iterator[bytes]:
        """Return the bad rows as a CSV file that can be corrected and uploaded again."""
        roster = self._found(import_id, actor)
        self._record("import.errors_downloaded", roster, actor.id)
        return error_csv(roster.columns or tuple(LABELS.values()), self._bad_rows(roster))

    def commit(self, import_id: str, wanted: ImportCommit, actor: Actor) -> ImportOut:
        """Apply a previewed import in the background; one caller wins."""
        roster = self._found(import_id, actor)
        return ImportOut.of(self.apply(roster, _distinct(wanted.channels)))

    def apply(self, roster: RosterImport, channels: tuple[Channel, ...]) -> RosterImport:
        """Move a previewed import to ``applying`` with everything that its background work needs."""
        return self._stored.store.atomically(lambda: self._commit(roster, channels))

    def _begin(self, roster: RosterImport) -> None:
        self._stored.imports.add(Scope.campus(roster.campus_id), roster)
        self._work(PREVIEW_JOB, "preview", roster)
        self._record("import.uploaded", roster)

    def _commit(self, roster: RosterImport, channels: tuple[Channel, ...]) -> RosterImport:
        job_id = self._open_job(roster, channels) if channels and roster.counts.get(Outcome.NEW) else None
        applying = self._stored.imports.move(
            Scope.campus(roster.campus_id),
            roster.id,
            ImportState.PREVIEWED,
            ImportState.APPLYING,
            channels=list(channels),
            job_id=job_id,
            rows_done=0,
        )
        if applying is None:
            raise ImportNotPreviewed()
        self._work(APPLY_JOB, "apply", roster)
        self._record("import.committed", applying)
        return applying

    def _work(self, name: str, verb: str, roster: RosterImport) -> None:
        key, turn = f"{verb}:{roster.id}", roster.campus_id
        self._engine.submit(name, _args(roster), queue=Queue.IMPORTS, key=key, group=roster.id, fair=turn)

    def _open_job(self, roster: RosterImport, channels: tuple[Channel, ...]) -> str:
        return self._batch_jobs.open(
            JobType.CREDENTIALS,
            channels,
            campus_id=roster.campus_id,
            course_ids=roster.course_ids,
            actor_id=roster.created_by,
        ).id

    def _record(self, action: str, roster: RosterImport, actor_id: str | None = None) -> None:
        self._audit.record(
            action,
            actor_id=actor_id or roster.created_by,
            campus_id=roster.campus_id,
            target=f"import:{roster.id}",
            counts=dict(roster.counts),
        )

    def _bad_rows(self, roster: RosterImport) -> Iterator[tuple[dict[str, str], str]]:
        scope, last = Scope.campus(roster.campus_id), 0
        while rows := self._stored.rows.after(scope, roster, Outcome.ERROR, last, PAGE):
            for row in rows:
                yield row.values, reason_of([CellError(**fault) for fault in row.errors])
            last = rows[-1].row

    def _found(self, import_id: str, actor: Actor) -> RosterImport:
        roster = self._stored.imports.find(actor.scope, import_id)
        if roster is None:
            raise ImportNotFound()
        return roster


def _args(roster: RosterImport) -> dict[str, str]:
    return {"import_id": roster.id, "campus_id": roster.campus_id}


def _distinct(channels: Sequence[Channel]) -> tuple[Channel, ...]:
    return tuple(dict.fromkeys(channels))
