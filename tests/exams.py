"""Tests of the product's kind, made and published through the front door."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.cast import Campus, Person
from tests.questions import QUESTIONS

BANK = "/question_bank/questions"
TESTS = "/test_management/tests"


def ask(person: Person, kinds: Iterable[str] = ("single", "multiple", "numeric"), **more: Any) -> list[str]:
    """Store a question of each kind, no two of which look equal, and return their ids."""
    made = []
    for number, kind in enumerate(kinds, 1):
        wanted = {**QUESTIONS[kind], "stem": f"Question {number}, {kind}?", **more}
        made.append(str(person.post(BANK, wanted)["id"]))
    return made


def window(seconds: float = 3600, begun: float = 60) -> dict[str, str]:
    """Return a window that began ``begun`` seconds ago and is open for ``seconds`` more."""
    now = datetime.now(UTC)
    start, end = now - timedelta(seconds=begun), now + timedelta(seconds=seconds)
    return {"window_start_at": start.isoformat(), "window_end_at": end.isoformat()}


def plan(campus: Campus, question_ids: Sequence[str], **more: Any) -> dict[str, Any]:
    """Return what one sends to make an online test of these questions for a whole campus."""
    return plan_for(campus.id, question_ids, **more)


def plan_for(campus_id: str, question_ids: Sequence[str], **more: Any) -> dict[str, Any]:
    """Return what one sends to make an online test of these questions for the campus of this id."""
    slots = [{"question_id": one} for one in question_ids]
    return {
        "name": "Spring exam",
        "kind": "online",
        "campus_id": campus_id,
        "course_ids": [],
        "batch_ids": [],
        **window(),
        "duration_minutes": 60,
        "attempts_allowed": 1,
        "sections": [{"title": "Part one", "slots": slots}] if slots else [],
        **more,
    }


def practice(campus: Campus, question_ids: Sequence[str], **more: Any) -> dict[str, Any]:
    """Return what one sends to make a practice test of these questions for a whole campus."""
    place = {"module": "GRAMMAR", "level": "BEGINNER", "attempts_allowed": None}
    never = {"window_start_at": None, "window_end_at": None}
    return plan(campus, question_ids) | {"name": "Practice", "kind": "practice", **place, **never, **more}


def publish(person: Person, wanted: dict[str, Any]) -> Any:
    """Make a test, publish it and return it."""
    made = person.post(TESTS, wanted)
    return person.post(f"{TESTS}/{made['id']}/publish", status=200)


def exam(
    campus: Campus,
    kinds: Iterable[str] = ("single", "multiple", "numeric"),
    *,
    seconds: float = 3600,
    begun: float = 60,
    **more: Any,
) -> Any:
    """Publish an online test of one question of each kind, whose window is open for ``seconds`` more."""
    return publish(campus.admin, plan(campus, ask(campus.admin, kinds)) | window(seconds, begun) | more)


def exercise(campus: Campus, kinds: Iterable[str] = ("single", "multiple", "numeric"), **more: Any) -> Any:
    """Publish a practice test of one question of each kind."""
    return publish(campus.admin, practice(campus, ask(campus.admin, kinds), **more))
