"""Scores and open answers put into the database in one step, for tests that are about something else."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from services.questions.parts import QuestionType
from services.results.documents import AttemptResult, ItemScore, MarkingTask, ResultState, task_id
from services.results.repository import ResultRepository, TaskRepository
from utils.documents import new_id
from utils.scope import Scope
from utils.store import Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def kept(
    store: Store, student: dict[str, Any], kind: str = "practice", text: str = "An essay.", **more: Any
) -> str:
    """Store a score that waits for the mark of an essay, unless ``more`` has it; return the attempt's id."""
    item = ItemScore(
        slot="1",
        question_id="q",
        version_id="q:1",
        rule="rubric",
        blank=False,
        fraction=None,
        mark=None,
        worth=Decimal(1),
        max_mark=Decimal(1),
    )
    place: dict[str, Any] = {
        "campus_id": student["campus_id"],
        "course_ids": tuple(student["course_ids"]),
        "batch_id": student["batch_id"],
        "test_id": new_id(),
        "student_id": student.get("id") or student["_id"],
    }
    facts = {
        "number": 1,
        "kind": kind,
        "state": ResultState.AWAITING,
        "items": (item,),
        "score": None,
        "max_score": Decimal(1),
        "submitted_at": NOW,
    }
    result = AttemptResult(**place | facts | more)
    task = MarkingTask(
        **place,
        id=task_id(result.id, "1"),
        attempt_id=result.id,
        slot="1",
        version_id="q:1",
        type=QuestionType.ESSAY,
        response={"text": text},
        fault="nobody marks it",
        created_at=NOW,
    )
    scope = Scope.campus(result.campus_id)
    ResultRepository(store).add(scope, result)
    TaskRepository(store).add(scope, [task])
    return result.id
