"""The ``files`` collection."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from services.files.documents import FILES, FileState, StoredFile
from utils.scope import Scope
from utils.store import ScopeRule, Store

SWEEP: Final = Scope.unscoped("sweep of files that nobody finished")
LINK: Final = Scope.unscoped("signed link to a file")


class FileRepository:
    """Files: every change of state is one conditional update."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(FILES, ScopeRule(own="student_id"))

    def add(self, scope: Scope, file: StoredFile) -> None:
        """Store a new file."""
        self._rows.insert(scope, file.to_mongo())

    def find(self, scope: Scope, file_id: str) -> StoredFile | None:
        """Return a file of the scope."""
        row = self._rows.find_one(scope, {"_id": file_id})
        return StoredFile.from_mongo(row) if row else None

    def find_many(self, scope: Scope, file_ids: Sequence[str]) -> list[StoredFile]:
        """Return those of these files that lie in the scope."""
        rows = self._rows.find(scope, {"_id": {"$in": list(file_ids)}})
        return [StoredFile.from_mongo(row) for row in rows]

    def count_recordings(self, scope: Scope, attempt_id: str, slot: str, limit: int) -> int:
        """Return how many recordings one person's scope has of a slot, counted up to ``limit``."""
        return self._rows.count(scope, {"attempt_id": attempt_id, "slot": slot}, limit)

    def find_by_key(self, scope: Scope, key: str) -> StoredFile | None:
        """Return the file whose bytes lie under ``key``."""
        row = self._rows.find_one(scope, {"key": key})
        return StoredFile.from_mongo(row) if row else None

    def move(
        self,
        scope: Scope,
        file_id: str,
        old: FileState,
        new: FileState,
        *,
        reason: str | None = None,
        scanned: bool = False,
    ) -> StoredFile | None:
        """Take a file from one state to the next; None if it was not in ``old``."""
        change = {"state": new, "reason": {"$literal": reason}, "scanned": scanned, "updated_at": "$$NOW"}
        row = self._rows.find_and_update(scope, {"_id": file_id, "state": old}, [{"$set": change}])
        return StoredFile.from_mongo(row) if row else None

    def remove(self, scope: Scope, file_id: str) -> bool:
        """Forget a file; tell whether it was there."""
        return self._rows.delete_one(scope, {"_id": file_id})

    def unfinished(self, state: FileState, before: datetime, limit: int) -> list[StoredFile]:
        """Return the oldest files that have been in a state since before then."""
        query = {"state": state, "created_at": {"$lt": before}}
        rows = self._rows.find(SWEEP, query, sort=[("created_at", 1)], limit=limit)
        return [StoredFile.from_mongo(row) for row in rows]

    def known_keys(self, keys: Sequence[str]) -> set[str]:
        """Return those of these keys under which a file is known."""
        rows = self._rows.find(SWEEP, {"key": {"$in": list(keys)}}, {"key": 1})
        return {str(row["key"]) for row in rows}
