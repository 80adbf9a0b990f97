"""The engine jobs of roster imports: what runs, and what is said when it cannot come to an end."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from services.imports.applying import Applying
from services.imports.documents import ImportState, RosterImport
from services.imports.preview import LeaseLost, Preview
from services.imports.progress import ImportAnnouncer
from services.imports.repository import ImportStore
from services.imports.service import ImportService
from services.imports.undoing import Undoing
from services.ports import JSON, Done, JobResult, Later, Lease
from utils.limited_process import Limits
from utils.problems import Unavailable
from utils.scope import Scope

GIVEN_UP: Final = "The server could not finish this import. What was applied stays; upload the file again."
UNDO_GIVEN_UP: Final = "The server could not finish. Ask for it again: it goes on where it was."
SHORTEST_WAIT, LONGEST_WAIT = 1.0, 30.0
UNDO_MAY_NOT: Final = "Whoever asked for it may no longer import students."
MAY_NOT: Final = "Whoever uploaded it may no longer import students. What was applied stays."


class ImportRights(Protocol):
    """Answers for the accounts area, at the time of the work and not of the upload."""

    def may_import(self, user_id: str, campus_id: str, course_ids: Sequence[str]) -> bool:
        """Tell whether this person may still import students into all of these courses."""


class ImportJobs:
    """Handlers for previewing and applying."""

    def __init__(
        self,
        stored: ImportStore,
        preview: Preview,
        applying: Applying,
        undoing: Undoing,
        service: ImportService,
        announcer: ImportAnnouncer,
        rights: ImportRights,
        limits: Limits,
    ) -> None:
        self._stored, self._preview = stored, preview
        self._applying, self._undoing = applying, undoing
        self._service, self._announcer, self._rights, self._limits = service, announcer, rights, limits

    def preview(self, lease: Lease) -> JobResult:
        """Read and compare an upload; go on to applying it where that was asked for.

        While the file cannot be had it waits and says so: nobody has to upload it again for that.
        """
        roster = self._find(lease.args)
        if roster is None:
            return Done()
        try:
            return self._read(roster, lease)
        except Unavailable as away:
            self._preview.wait(roster, away.detail or away.title)
            return Later(min(LONGEST_WAIT, max(SHORTEST_WAIT, away.retry_after or 0.0)))

    def _read(self, roster: RosterImport, lease: Lease) -> JobResult:
        if roster.state is ImportState.PARSING:
            try:
                self._preview.run(roster, self._limits, lease, self._go_on)
            except LeaseLost:
                self._tidy(lease.args)  # of rows written too late, after another worker had tidied up
                return Later(0)
        self._tidy(lease.args)
        return Done()

    def _tidy(self, args: Mapping[str, JSON]) -> None:
        """Tidy up after a reading, also after one that ended it and died, or that came too late."""
        roster = self._find(args)
        if roster is not None and roster.state is not ImportState.PARSING:
            self._preview.tidy(roster)

    def apply(self, lease: Lease) -> JobResult:
        """Apply a committed import."""
        roster = self._find(lease.args)
        if roster is None or roster.state is not ImportState.APPLYING:
            return Done()
        if not self._rights.may_import(roster.created_by, roster.campus_id, roster.course_ids):
            self._end(roster, "not-allowed", MAY_NOT)
            return Done()
        try:
            self._applying.run(roster, lease)
        except LeaseLost:
            return Later(0)
        return Done()

    def undo(self, lease: Lease) -> JobResult:
        """Undo an applied import."""
        roster = self._find(lease.args)
        if roster is None or roster.undo is None or roster.undo.ended_at is not None:
            return Done()
        if not self._rights.may_import(roster.undo.by, roster.campus_id, roster.course_ids):
            self._undoing.end(roster, UNDO_MAY_NOT)
            return Done()
        try:
            self._undoing.run(roster, lease)
        except LeaseLost:
            return Later(0)
        return Done()

    def undo_dead(self, args: Mapping[str, JSON], _reason: str) -> None:
        """Say that undoing came to no end; asked for again, it goes on."""
        roster = self._find(args)
        if roster is not None:
            self._undoing.end(roster, UNDO_GIVEN_UP)

    def _go_on(self, roster: RosterImport) -> None:
        """Commit an import that was to be applied in one go, as part of becoming previewed."""
        if roster.apply_at_once:
            self._service.apply(roster, roster.channels)

    def dead(self, args: Mapping[str, JSON], _reason: str) -> None:
        """Say that an import came to no end."""
        roster = self._find(args)
        if roster is not None and roster.state in (ImportState.PARSING, ImportState.APPLYING):
            self._end(roster, "given-up", GIVEN_UP)
            self._tidy(args)

    def _end(self, roster: RosterImport, slug: str, detail: str) -> None:
        self._applying.abandon(roster, {"slug": slug, "detail": detail})
        self._announcer.touch(roster.id, roster.campus_id)

    def _find(self, args: Mapping[str, JSON]) -> RosterImport | None:
        return self._stored.imports.find(Scope.campus(str(args["campus_id"])), str(args["import_id"]))
