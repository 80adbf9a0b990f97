"""Asking for an import to be undone: refused while a student of it is in use, else done in the background."""

from collections.abc import Iterator
from typing import Final

from models import Actor
from services.audit.service import AuditService
from services.imports.documents import ImportRow, RosterImport
from services.imports.in_use import Uses
from services.imports.repository import UNDOABLE, ImportStore
from services.imports.schemas import ImportOut
from services.imports.service import ImportNotFound
from services.ports import JobEngine, Queue
from utils.problems import Conflict
from utils.scope import Scope

UNDO_JOB: Final = "imports.undo"
PAGE: Final = 500
NAMED: Final = 20
BEYOND: Final = 2**31 - 1  # past the last row of any file


class ImportNotApplied(Conflict):
    """Only an import that has been applied can be undone, once. Read its state."""

    title = "The import has nothing to undo"


class StudentsInUse(Conflict):
    """Students of this import have signed in, were edited since, or hold work; ``students`` names the first
    twenty and why. Take back what was edited, or remove the others one by one."""

    title = "Students of this import are in use"


class ImportUndo:
    """Begins to undo imports."""

    def __init__(self, stored: ImportStore, uses: Uses, engine: JobEngine, audit: AuditService) -> None:
        self._stored, self._uses, self._engine, self._audit = stored, uses, engine, audit

    def begin(self, import_id: str, actor: Actor) -> ImportOut:
        """Undo an applied import in the background; raise StudentsInUse while one of its students is in use.

        Of an import that failed while it was applied, what was applied is undone.
        """
        roster = self._stored.imports.find(actor.scope, import_id)
        if roster is None:
            raise ImportNotFound()
        if roster.state not in UNDOABLE or not roster.rows_done:
            raise ImportNotApplied()
        self._refuse_in_use(roster)
        return ImportOut.of(self._stored.store.atomically(lambda: self._begin(roster, actor)))

    def _begin(self, roster: RosterImport, actor: Actor) -> RosterImport:
        begun = self._stored.imports.begin_undo(
            Scope.campus(roster.campus_id), roster.id, actor.id, last_row=BEYOND
        )
        if begun is None or begun.undo is None:
            raise ImportNotApplied()
        args = {"import_id": roster.id, "campus_id": roster.campus_id}
        key = f"undo:{roster.id}:{begun.undo.started_at.timestamp()}"  # one that was stopped gets a new job
        self._engine.submit(UNDO_JOB, args, queue=Queue.IMPORTS, key=key)
        self._audit.record(
            "import.undo_begun",
            actor_id=actor.id,
            campus_id=roster.campus_id,
            target=f"import:{roster.id}",
            rows=roster.rows_done,
        )
        return begun

    def _refuse_in_use(self, roster: RosterImport) -> None:
        named = []
        for row, name, why in self._in_use(roster):
            named.append({"row": row.row, "student_id": row.student_id, "name": name, "reason": why})
            if len(named) == NAMED:
                break
        if named:
            first = named[0]
            raise StudentsInUse(f"{first['name']} (row {first['row']}) {first['reason']}.", students=named)

    def _in_use(self, roster: RosterImport) -> Iterator[tuple[ImportRow, str, str]]:
        scope, last = Scope.campus(roster.campus_id), roster.undo.row if roster.undo else BEYOND
        while rows := self._stored.rows.applied_before(scope, roster, last, PAGE):
            present = self._uses.present(scope, rows)
            reasons = self._uses.reasons(scope, rows, present)
            for row in rows:
                if row.id in reasons:
                    yield row, present[row.student_id or ""].name, reasons[row.id]
            last = rows[-1].row
