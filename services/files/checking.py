"""Background work on files: are the bytes what was announced, and what did nobody finish?"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final

from services.audit.service import AuditService
from services.files.documents import FileState, StoredFile
from services.files.kinds import LOOKED_AT, looks_like
from services.files.repository import FileRepository
from services.files.service import PREFIX, UPLOADS
from services.ports import JSON, Done, FileScanner, FileStore, JobEngine, JobResult, Later, Lease, Queue
from utils.batch_processor import chunked
from utils.clock import Clock
from utils.scope import Scope
from utils.store import Store

SWEEP_JOB: Final = "files.sweep"
UNFINISHED_AFTER: Final = timedelta(hours=24)
REFUSED_KEPT: Final = timedelta(days=7)
AT_ONCE: Final = 200
GIVEN_UP: Final = "it could not be checked; upload it again"
SYSTEM: Final = "system"


class FileChecking:
    """Checks files, and sweeps up what nobody finished and what nobody knows."""

    def __init__(
        self,
        files: FileRepository,
        contents: FileStore,
        scanner: FileScanner,
        store: Store,
        audit: AuditService,
        clock: Clock,
    ) -> None:
        self._files, self._contents, self._scanner = files, contents, scanner
        self._store, self._audit, self._clock = store, audit, clock

    def check(self, lease: Lease) -> JobResult:
        """Take the bytes of one file away from where its link leads, then accept or refuse them."""
        scope, file_id = _scope(lease.args), str(lease.args["file_id"])
        file = self._files.find(scope, file_id)
        if file is None or file.state is not FileState.CHECKING:
            return Done()
        with suppress(FileNotFoundError):  # nothing was sent, or a check before this one had taken it
            self._contents.move(UPLOADS + file.key, file.key)
        fault = self._fault(file)
        scanned = False
        if fault is None:
            with self._contents.local(file.key) as path:
                verdict = self._scanner.scan(path)
            fault, scanned = verdict.fault, verdict.scanned
        self._end(scope, file, fault, scanned=scanned)
        return Done()

    def dead(self, args: Mapping[str, JSON], _reason: str) -> None:
        """Refuse a file that could not be checked."""
        file = self._files.find(_scope(args), str(args["file_id"]))
        if file is not None and file.state is FileState.CHECKING:
            self._end(_scope(args), file, GIVEN_UP, scanned=False)

    def sweep(self, lease: Lease) -> JobResult:
        """Remove files that nobody finished, refused ones after a week, and bytes that no file knows."""
        now = self._clock.now()
        for state, age in ((FileState.WAITING, UNFINISHED_AFTER), (FileState.REFUSED, REFUSED_KEPT)):
            old = self._files.unfinished(state, now - age, AT_ONCE)
            for file in old:
                self._files.remove(_of(file), file.id)
                self._contents.delete(file.key)
                self._contents.delete(UPLOADS + file.key)
            if len(old) == AT_ONCE or not lease.alive():
                return Later(1)
        for some in chunked(list(self._contents.keys_before(PREFIX, now - UNFINISHED_AFTER)), AT_ONCE):
            if not lease.alive():
                return Later(1)
            for key in sorted(set(some) - self._files.known_keys(some)):
                self._contents.delete(key)
        for key in self._contents.keys_before(UPLOADS, now - UNFINISHED_AFTER):
            self._contents.delete(key)
        return Done()

    def _fault(self, file: StoredFile) -> str | None:
        size = self._contents.size(file.key)
        if size is None:
            return "nothing was uploaded"
        if size != file.size:
            return f"it has {size} bytes, not the {file.size} that were announced"
        if not looks_like(file.content_type, self._contents.beginning(file.key, LOOKED_AT)):
            return f"its content is not {file.content_type}"
        return None

    def _end(self, scope: Scope, file: StoredFile, fault: str | None, *, scanned: bool) -> None:
        state = FileState.REFUSED if fault else FileState.STORED

        def work() -> None:
            moved = self._files.move(scope, file.id, FileState.CHECKING, state, reason=fault, scanned=scanned)
            if moved is not None:
                self._audit.record(
                    f"file.{state}", actor_id=SYSTEM, campus_id=file.campus_id, target=f"file:{file.id}"
                )

        self._store.atomically(work)
        if fault:
            self._contents.delete(file.key)


class SweepClock:
    """Has the sweep run once an hour, by whichever process notices first."""

    def __init__(self, engine: JobEngine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    def tick(self) -> None:
        """See that this hour's sweep is ordered: the hour is its key."""
        key = f"{SWEEP_JOB}:{self._clock.now():%Y%m%d%H}"
        self._engine.submit(SWEEP_JOB, {}, queue=Queue.FILES, key=key)


def _scope(args: Mapping[str, JSON]) -> Scope:
    campus_id = args.get("campus_id")
    return Scope.campus(str(campus_id)) if campus_id is not None else Scope.everything()


def _of(file: StoredFile) -> Scope:
    return Scope.campus(file.campus_id) if file.campus_id else Scope.everything()
