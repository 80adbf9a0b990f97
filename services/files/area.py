"""Files put together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from services.accounts.area import Surroundings
from services.files.checking import FileChecking, SweepClock
from services.files.repository import FileRepository
from services.files.service import FileService
from services.ports import Dependants, FileScanner, FileStore, OrganisationLookup


@dataclass(frozen=True, slots=True)
class FileArea:
    """What the rest may use of files."""

    files: FileService
    checking: FileChecking
    sweep: SweepClock

    @classmethod
    def over(
        cls,
        around: Surroundings,
        places: OrganisationLookup,
        contents: FileStore,
        scanner: FileScanner,
        later: Sequence[Dependants] = (),
    ) -> Self:
        """Return the area on one database and one store of contents; ``later`` areas use files."""
        store, clock, audit, engine = around.store, around.clock, around.audit, around.engine
        files = FileRepository(store)
        return cls(
            files=FileService(files, contents, store, engine, audit, places, clock, later),
            checking=FileChecking(files, contents, scanner, store, audit, clock),
            sweep=SweepClock(engine, clock),
        )
