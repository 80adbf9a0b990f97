"""The collections ``test_results`` and ``marking_tasks``. Nothing opens them for somebody who still sits."""

from collections.abc import Sequence
from typing import Final

from services.results.documents import (
    MARKING_TASKS,
    TEST_RESULTS,
    AttemptResult,
    CaseFound,
    MarkingTask,
    Suggested,
    TaskState,
)
from utils.decimals import to_stored
from utils.scope import Scope
from utils.store import Row, ScopeRule, Store

OF_STUDENT: Final = ScopeRule(course="course_ids", own="student_id")
OF_MARKERS: Final = ScopeRule(course="course_ids")


class ResultRepository:
    """Scores. A student's scope holds their own: whether they may see them yet is not asked here."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(TEST_RESULTS, OF_STUDENT)

    def add(self, scope: Scope, result: AttemptResult) -> None:
        """Store the score of an attempt; there is one of each."""
        self._rows.insert(scope, result.to_mongo())

    def find(self, scope: Scope, attempt_id: str) -> AttemptResult | None:
        """Return the score of an attempt."""
        row = self._rows.find_one(scope, {"_id": attempt_id})
        return AttemptResult.from_mongo(row) if row else None

    def of_student(self, scope: Scope, student_id: str, kind: str) -> list[AttemptResult]:
        """Return somebody's scores in tests of a kind, in the order of the attempts."""
        query = {"student_id": student_id, "kind": kind}
        rows = self._rows.find(scope, query, sort=[("_id", 1)], hint="of_student")
        return [AttemptResult.from_mongo(row) for row in rows]

    def of_attempts(self, scope: Scope, attempt_ids: Sequence[str]) -> dict[str, AttemptResult]:
        """Return the scores of these attempts, by attempt."""
        rows = self._rows.find(scope, {"_id": {"$in": list(attempt_ids)}})
        return {str(row["_id"]): AttemptResult.from_mongo(row) for row in rows}

    def remove(self, scope: Scope, attempt_id: str) -> None:
        """Forget the score of an attempt."""
        self._rows.delete_one(scope, {"_id": attempt_id})

    def replace(self, scope: Scope, before: AttemptResult, after: AttemptResult) -> bool:
        """Put another score in the place of one that is still as it was read; tell whether it was."""
        fields = {"items": [item.model_dump() for item in after.items], "score": after.score}
        change = {"$set": to_stored({**fields, "state": after.state}), "$inc": {"revision": 1}}
        return self._rows.update_one(scope, {"_id": before.id, "revision": before.revision}, change)


class TaskRepository:
    """Answers that wait for a mark. A student's scope holds none."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(MARKING_TASKS, OF_MARKERS)

    def add(self, scope: Scope, tasks: Sequence[MarkingTask]) -> None:
        """Store what has to be marked."""
        self._rows.insert_many(scope, [task.to_mongo() for task in tasks])

    def remove_of(self, scope: Scope, attempt_id: str) -> None:
        """Forget what of an attempt had or has to be marked."""
        self._rows.delete_many(scope, {"attempt_id": attempt_id})

    def find(self, scope: Scope, task_id: str) -> MarkingTask | None:
        """Return one task."""
        row = self._rows.find_one(scope, {"_id": task_id})
        return MarkingTask.from_mongo(row) if row else None

    def of_attempt(self, scope: Scope, attempt_id: str) -> list[MarkingTask]:
        """Return what of an attempt had or has to be marked, in a fixed order."""
        rows = self._rows.find(scope, {"attempt_id": attempt_id}, sort=[("_id", 1)])
        return [MarkingTask.from_mongo(row) for row in rows]

    def add_case(self, scope: Scope, task: MarkingTask, place: int, found: CaseFound) -> bool:
        """Note how a program did in the case at ``place``; False if that is known, or the task is done."""
        query = {**_open(task), "cases": {"$size": place}}
        return self._rows.update_one(scope, query, {"$push": {"cases": found.model_dump()}})

    def suggest(self, scope: Scope, task: MarkingTask, suggestion: Suggested) -> bool:
        """Keep what a provider thinks, while nobody has marked; the newest counts."""
        change = {"$set": {"suggestion": to_stored(suggestion.model_dump())}}
        return self._rows.update_one(scope, _open(task), change)

    def give_up(self, scope: Scope, task: MarkingTask, fault: str) -> bool:
        """Say why a person has to mark it."""
        return self._rows.update_one(scope, _open(task), {"$set": {"fault": fault}})

    def close(self, scope: Scope, done: MarkingTask) -> bool:
        """Set the mark of a task that is open; False if somebody was before us."""
        fields = {"state": TaskState.DONE, "fraction": done.fraction, "marked_by": done.marked_by}
        return self._rows.update_one(scope, _open(done), {"$set": to_stored(fields)})


def _open(task: MarkingTask) -> Row:
    """Return the filter of a task that is open, and not of a later end of an attempt that was reopened."""
    return {"_id": task.id, "state": TaskState.OPEN, "created_at": task.created_at}
