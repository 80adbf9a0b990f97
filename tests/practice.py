"""Results of practice, as scoring stores them, for tests about what follows from them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from services.results.documents import TEST_RESULTS, AttemptResult, ResultState
from tests.cast import Campus
from utils.documents import new_id

THEN: Final = datetime(2026, 11, 20, 9, tzinfo=UTC)


def enrolled(campus: Campus, roll_number: str) -> str:
    """Make a student who need not log in; return the id."""
    wanted: dict[str, Any] = {
        "name": f"Student {roll_number}",
        "roll_number": roll_number,
        "batch_id": campus.batch_id,
    }
    wanted["course_ids"] = [campus.course_ids[0]]
    return str(campus.admin.post("/student_management/students", wanted)["id"])


def scored(db: Any, campus: Campus, student_id: str, percent: int | str, **more: Any) -> AttemptResult:
    """Store the result of an attempt at a practice test of READING, BEGINNER, or as ``more`` says."""
    fields = {
        "id": new_id(),
        "campus_id": campus.id,
        "batch_id": campus.batch_id,
        "test_id": "a practice test",
        "student_id": student_id,
        "number": 1,
        "kind": "practice",
        "module": "READING",
        "level": "BEGINNER",
        "state": ResultState.SCORED,
        "items": (),
        "score": Decimal(percent) / 20,
        "max_score": Decimal(5),
        "submitted_at": THEN,
    }
    result = AttemptResult(**{**fields, **more})
    db[TEST_RESULTS].insert_one(result.to_mongo())
    return result
