"""Undoing an applied import: whom it made is removed, what it changed is as it was before.

Rows are undone from the last to the first, in chunks, each one transaction that looks again whether its
students are in use: whoever signs in meanwhile is kept, and their row says so. It may die at any line.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from services.accounts.names import IdentifierTaken
from services.audit.service import AuditService
from services.imports.documents import ImportRow, ImportState, Outcome, RosterImport, Undone
from services.imports.in_use import Uses
from services.imports.preview import LeaseLost
from services.imports.progress import ImportAnnouncer
from services.imports.repository import ImportStore
from services.ports import Lease
from services.students.bulk import StudentBulk, StudentChange
from services.students.departures import Departures
from services.students.documents import Student
from utils.problems import Problem
from utils.scope import Scope

CHUNK: Final = 150
CHUNK_SECONDS: Final = 30.0
TAKEN: Final = "the roll number or mobile number from before is somebody else's now"


class Undoing:
    """Undoes what one import applied."""

    def __init__(
        self,
        stored: ImportStore,
        students: StudentBulk,
        departures: Departures,
        uses: Uses,
        audit: AuditService,
        announcer: ImportAnnouncer,
    ) -> None:
        self._stored, self._students, self._departures = stored, students, departures
        self._uses, self._audit, self._announcer = uses, audit, announcer

    def run(self, roster: RosterImport, lease: Lease) -> None:
        """Undo what is left, then say that it is undone."""
        while True:
            if not lease.alive():
                raise LeaseLost
            if not self._chunk(roster):
                break
            self._announcer.touch(roster.id, roster.campus_id)
        self.end(roster, None)

    def end(self, roster: RosterImport, stopped: str | None) -> None:
        """End it, for good or until it is asked for again; one caller's word counts."""

        def work() -> None:
            if self._stored.imports.end_undo(Scope.campus(roster.campus_id), roster.id, stopped):
                self._record(roster, stopped)

        self._stored.store.atomically(work, patience=CHUNK_SECONDS)
        self._announcer.touch(roster.id, roster.campus_id)

    def _chunk(self, roster: RosterImport) -> bool:
        """Undo some rows; False if none was left. Where one of them cannot be, each is tried by itself."""
        store = self._stored.store
        try:
            return store.atomically(lambda: self._undo(roster, CHUNK), patience=CHUNK_SECONDS)
        except Problem:
            pass
        try:
            return store.atomically(lambda: self._undo(roster, 1), patience=CHUNK_SECONDS)
        except Problem as problem:
            because = _because(problem)
        return store.atomically(lambda: self._keep(roster, because), patience=CHUNK_SECONDS)

    def _keep(self, roster: RosterImport, because: str) -> bool:
        rows = self._next(roster, 1)
        self._note(roster, rows, {row.id: because for row in rows})
        return bool(rows)

    def _next(self, roster: RosterImport, limit: int) -> list[ImportRow]:
        # read in the transaction: a worker that stood still past its lease finds what the next one has done
        scope = Scope.campus(roster.campus_id)
        now = self._stored.imports.find(scope, roster.id)
        if now is None or now.state is ImportState.UNDONE or now.undo is None:
            return []
        return self._stored.rows.applied_before(scope, roster, now.undo.row, limit)

    def _undo(self, roster: RosterImport, limit: int) -> bool:
        scope, rows = Scope.campus(roster.campus_id), self._next(roster, limit)
        if not rows:
            return False
        present = self._uses.present(scope, rows)
        kept = self._uses.reasons(scope, rows, present)
        free = [row for row in rows if row.id not in kept and row.student_id in present]
        self._restore(roster, [row for row in free if row.outcome is Outcome.CHANGED], present)
        self._remove(roster, [row.student_id or "" for row in free if row.outcome is Outcome.NEW])
        self._note(roster, rows, kept)
        return True

    def _restore(
        self, roster: RosterImport, rows: Sequence[ImportRow], present: Mapping[str, Student]
    ) -> None:
        before = [
            StudentChange(
                student=present[row.student_id or ""],
                fields={field: before for field, (before, _) in row.changes.items()},
            )
            for row in rows
        ]
        self._students.change_many(Scope.campus(roster.campus_id), before, _by(roster))

    def _remove(self, roster: RosterImport, student_ids: Sequence[str]) -> None:
        if student_ids:
            self._departures.remove(Scope.campus(roster.campus_id), student_ids, _by(roster), roster.id)

    def _note(self, roster: RosterImport, rows: Sequence[ImportRow], kept: Mapping[str, str]) -> None:
        if not rows:
            return
        scope, ends = Scope.campus(roster.campus_id), {row.id: _end(row, kept.get(row.id)) for row in rows}
        self._stored.rows.mark_undone(scope, ends)
        done = Counter(undone for undone, _ in ends.values())
        self._stored.imports.count_undone(scope, roster.id, rows[-1].row, done)

    def _record(self, roster: RosterImport, stopped: str | None) -> None:
        self._audit.record(
            "import.undo_stopped" if stopped else "import.undone",
            actor_id=_by(roster),
            campus_id=roster.campus_id,
            target=f"import:{roster.id}",
            **({"reason": stopped} if stopped else {}),
        )


def _by(roster: RosterImport) -> str:
    return roster.undo.by if roster.undo else roster.created_by


def _because(problem: Problem) -> str:
    if isinstance(problem, IdentifierTaken):
        return TAKEN
    return "; ".join(fault["detail"] for fault in problem.extensions.get("errors", ())) or problem.title


def _end(row: ImportRow, because: str | None) -> tuple[Undone, str | None]:
    if because is not None:
        return Undone.KEPT, because
    return (Undone.REMOVED if row.outcome is Outcome.NEW else Undone.RESTORED), None
