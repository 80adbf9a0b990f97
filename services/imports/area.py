"""Roster imports put together."""

from dataclasses import dataclass
from typing import Self

from services.accounts.area import AccountArea, Surroundings
from services.campuses.lookup import PlaceLookup
from services.imports.applying import Applying
from services.imports.background import ImportJobs
from services.imports.directory import RosterDirectory
from services.imports.in_use import Uses
from services.imports.preview import Preview
from services.imports.progress import ImportAnnouncer
from services.imports.repository import ImportRepository, ImportRowRepository, ImportStore
from services.imports.service import ImportService
from services.imports.undo import ImportUndo
from services.imports.undoing import Undoing
from services.ports import FileStore, ProgressFeed
from services.students.area import StudentArea
from utils.limited_process import Limits


@dataclass(frozen=True, slots=True)
class ImportArea:
    """What the rest may use of imports."""

    imports: ImportService
    undo: ImportUndo
    jobs: ImportJobs
    announcer: ImportAnnouncer
    stored: ImportRepository

    @classmethod
    def over(
        cls,
        around: Surroundings,
        people: AccountArea,
        students: StudentArea,
        lookup: PlaceLookup,
        files: FileStore,
        feed: ProgressFeed,
    ) -> Self:
        """Return the area on one database."""
        settings, country = around.settings, around.settings.default_country
        stored = ImportStore(ImportRepository(around.store), ImportRowRepository(around.store), around.store)
        announcer = ImportAnnouncer(stored.imports, feed)
        directory = RosterDirectory(people.accounts, students.roll, lookup, students.taken)
        preview = Preview(stored, files, directory, announcer, country)
        applying = Applying(
            stored, students.bulk, people.links, around.batch_jobs, directory, announcer, country
        )
        service = ImportService(
            stored, files, around.engine, around.batch_jobs, around.audit, lookup, around.clock
        )
        uses = Uses(students.roll, people.accounts, ())
        undo = ImportUndo(stored, uses, around.engine, around.audit)
        undoing = Undoing(stored, students.bulk, students.departures, uses, around.audit, announcer)
        limits = Limits(
            memory_mb=settings.import_memory_mb,
            cpu_seconds=settings.import_cpu_seconds,
            wall_seconds=settings.import_wall_seconds,
        )
        jobs = ImportJobs(stored, preview, applying, undoing, service, announcer, people.rights, limits)
        return cls(service, undo, jobs, announcer, stored.imports)
