"""The collections ``imports`` and ``import_rows``."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.imports.documents import (
    IMPORT_ROWS,
    IMPORTS,
    ImportRow,
    ImportState,
    Outcome,
    RosterImport,
    Undone,
)
from utils.documents import first_id_at
from utils.paging import Keyset
from utils.scope import Scope
from utils.store import Row, ScopeRule, Store, by_id

TO_APPLY = (Outcome.NEW, Outcome.CHANGED)
UNDOABLE = (ImportState.APPLIED, ImportState.FAILED)  # of one that failed, what was applied


class ImportRepository:
    """Imports: every change of state is one conditional update."""

    def __init__(self, store: Store) -> None:
        self._imports = store.rows(IMPORTS, ScopeRule(course="course_ids", every_course=True))

    def add(self, scope: Scope, roster: RosterImport) -> None:
        """Store a new import."""
        self._imports.insert(scope, roster.to_mongo())

    def find(self, scope: Scope, import_id: str) -> RosterImport | None:
        """Return an import of the scope."""
        row = self._imports.find_one(scope, {"_id": import_id})
        return RosterImport.from_mongo(row) if row else None

    def list_imports(self, scope: Scope, filters: Mapping[str, str], keyset: Keyset) -> list[Row]:
        """Return one more row than a page holds."""
        query = {**filters, **keyset.filter}
        return self._imports.find(scope, query, sort=keyset.order, limit=keyset.limit + 1)

    def tally(self, scope: Scope, since: datetime) -> dict[ImportState, int]:
        """Return how many imports were begun since then, by state."""
        query = {"state": {"$in": list(ImportState)}, "_id": {"$gte": first_id_at(since)}}
        rows = self._imports.aggregate(scope, query, [{"$group": {"_id": "$state", "n": {"$sum": 1}}}])
        return {ImportState(row["_id"]): int(row["n"]) for row in rows}

    def move(
        self, scope: Scope, import_id: str, old: ImportState, new: ImportState, **fields: Any
    ) -> RosterImport | None:
        """Take an import from one state to the next and set ``fields``; None if it was not in ``old``."""
        literal = {name: {"$literal": value} for name, value in fields.items()}
        change = {"$set": {**literal, "state": new, "updated_at": "$$NOW"}}
        row = self._imports.find_and_update(scope, {"_id": import_id, "state": old}, [change])
        return RosterImport.from_mongo(row) if row else None

    def note(self, scope: Scope, import_id: str, state: ImportState, **fields: Any) -> bool:
        """Set ``fields`` while the import is in ``state``."""
        return self._imports.update_one(scope, {"_id": import_id, "state": state}, {"$set": fields})

    def begin_undo(self, scope: Scope, import_id: str, by: str, last_row: int) -> RosterImport | None:
        """Note that undoing begins, or goes on where it was stopped; None unless one or the other is due."""
        due = {"$or": [{"undo": None}, {"undo.stopped": {"$ne": None}, "undo.ended_at": {"$ne": None}}]}
        fresh = {"row": last_row, "removed": 0, "restored": 0, "kept": 0}
        begun = {"by": {"$literal": by}, "started_at": "$$NOW", "stopped": None, "ended_at": None}
        change = {"$set": {"undo": {"$mergeObjects": [fresh, "$undo", begun]}, "updated_at": "$$NOW"}}
        wanted = {"_id": import_id, "state": {"$in": list(UNDOABLE)}, **due}
        row = self._imports.find_and_update(scope, wanted, [change])
        return RosterImport.from_mongo(row) if row else None

    def count_undone(self, scope: Scope, import_id: str, row: int, done: Counter[Undone]) -> None:
        """Note that every row from ``row`` on has been undone or kept."""
        counted = {f"undo.{outcome}": rows for outcome, rows in done.items()}
        self._imports.update_one(scope, {"_id": import_id}, {"$set": {"undo.row": row}, "$inc": counted})

    def end_undo(self, scope: Scope, import_id: str, stopped: str | None) -> bool:
        """End undoing: the import is ``undone``, or stays what it was if something ``stopped`` it."""
        change: dict[str, Any] = {"undo.ended_at": "$$NOW", "undo.stopped": {"$literal": stopped}}
        change |= {"updated_at": "$$NOW"} | ({} if stopped else {"state": ImportState.UNDONE})
        wanted = {"_id": import_id, "undo.ended_at": None, "state": {"$in": list(UNDOABLE)}}
        return self._imports.update_one(scope, wanted, [{"$set": change}])

    def count_applied(self, scope: Scope, import_id: str, applied: int, refused: Counter[Outcome]) -> None:
        """Add to what was applied; rows that turned into errors leave the count they were in."""
        change = {"rows_done": applied, "counts.error": refused.total()}
        change |= {f"counts.{outcome}": -rows for outcome, rows in refused.items()}
        self._imports.update_one(scope, {"_id": import_id}, {"$inc": change})


class ImportRowRepository:
    """The rows of imports. ``run`` names the reading that counts; rows of a reading that died do not."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(IMPORT_ROWS)

    def add(self, scope: Scope, rows: Sequence[ImportRow]) -> None:
        """Store the rows of one reading."""
        self._rows.insert_many(scope, [row.to_mongo() for row in rows])

    def forget_other_runs(self, scope: Scope, import_id: str, run: int) -> None:
        """Remove the rows of readings that died."""
        self._rows.delete_many(scope, {"import_id": import_id, "run": {"$ne": run}})

    def list_rows(
        self, scope: Scope, roster: RosterImport, outcome: Outcome | None, keyset: Keyset
    ) -> list[Row]:
        """Return one more row than a page holds."""
        query: dict[str, Any] = {"import_id": roster.id, "run": roster.run, **keyset.filter}
        if outcome is not None:
            query["outcome"] = outcome
        return self._rows.find(scope, query, sort=keyset.order, limit=keyset.limit + 1)

    def after(
        self, scope: Scope, roster: RosterImport, outcome: Outcome, row: int, limit: int
    ) -> list[ImportRow]:
        """Return the next rows of one outcome, in the order of the file."""
        query = {"import_id": roster.id, "run": roster.run, "outcome": outcome, "row": {"$gt": row}}
        found = self._rows.find(scope, query, sort=[("row", 1)], limit=limit)
        return [ImportRow.from_mongo(one) for one in found]

    def next_to_apply(self, scope: Scope, roster: RosterImport, limit: int) -> list[ImportRow]:
        """Return the first rows that are still to be applied, in the order of the file."""
        query = {
            "import_id": roster.id,
            "run": roster.run,
            "applied": False,
            "outcome": {"$in": list(TO_APPLY)},
        }
        return [
            ImportRow.from_mongo(row) for row in self._rows.find(scope, query, sort=[("row", 1)], limit=limit)
        ]

    def applied_before(self, scope: Scope, roster: RosterImport, row: int, limit: int) -> list[ImportRow]:
        """Return the last applied rows before ``row``, the last of them first."""
        query = {
            "import_id": roster.id,
            "run": roster.run,
            "applied": True,
            "outcome": {"$in": list(TO_APPLY)},
            "row": {"$lt": row},
        }
        found = self._rows.find(scope, query, sort=[("row", -1)], limit=limit)
        return [ImportRow.from_mongo(one) for one in found]

    def mark_undone(self, scope: Scope, ends: Mapping[str, tuple[Undone, str | None]]) -> None:
        """Note what became of rows (by id)."""
        self._rows.update_each(
            scope,
            [
                ({"_id": row_id}, {"$set": {"undone": undone, "kept_because": because}})
                for row_id, (undone, because) in ends.items()
            ],
        )

    def mark_applied(self, scope: Scope, students: Mapping[str, str]) -> None:
        """Mark rows (by id) as applied to these students."""
        applied = {"applied": True, "student_id": by_id(students)}
        self._rows.update_many(scope, {"_id": {"$in": list(students)}}, [{"$set": applied}])

    def refuse(self, scope: Scope, faults: Mapping[str, Mapping[str, str]]) -> None:
        """Turn rows (by id) into errors."""
        self._rows.update_each(
            scope,
            [
                ({"_id": row_id}, {"$set": {"outcome": Outcome.ERROR, "errors": [dict(fault)]}})
                for row_id, fault in faults.items()
            ],
        )

    def counts(self, scope: Scope, import_id: str, run: int) -> dict[str, int]:
        """Return how many rows have each outcome: counted, not remembered."""
        group = {"$group": {"_id": "$outcome", "n": {"$sum": 1}}}
        found = self._rows.aggregate(scope, {"import_id": import_id, "run": run}, [group])
        return {str(row["_id"]): int(row["n"]) for row in found}


@dataclass(frozen=True, slots=True)
class ImportStore:
    """The repositories of this area and the transaction over them."""

    imports: ImportRepository
    rows: ImportRowRepository
    store: Store
