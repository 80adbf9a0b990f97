"""Published tests of every type of question, made without the bank, and answers to them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from services.assessments.documents import (
    Assessment,
    AssessmentKind,
    AssessmentState,
    PinnedSection,
    PinnedSlot,
    ScoringTerms,
)
from services.questions.content import AnyContent, contents
from services.results.scorer import Sitting
from tests.questions import PLACE, QUESTIONS

D = Decimal
NOW = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = tuple(QUESTIONS)
UNMARKED = ("essay", "spoken", "code")  # by nobody at once


def written(kind: str, **more: Any) -> AnyContent:
    """Return a question of a type as its author wrote it."""
    sent = {name: part for name, part in QUESTIONS[kind].items() if name not in PLACE}
    found: AnyContent = contents.validate_python(sent | more)
    return found


CONTENTS = {f"{kind}:1": written(kind) for kind in KINDS}


def exam(
    *kinds: str, mark: str = "1", kind: AssessmentKind = AssessmentKind.ONLINE, **terms: Any
) -> Assessment:
    """Return a test with one question of each of these types, in one section."""
    slots = tuple(
        PinnedSlot(
            slot=str(n), question_id=one, version_id=f"{one}:1", type=CONTENTS[f"{one}:1"].type, mark=D(mark)
        )
        for n, one in enumerate(kinds, 1)
    )
    return Assessment(
        id="test",
        campus_id="campus",
        course_ids=("course",),
        name="Test",
        kind=kind,
        duration_minutes=30,
        scoring=ScoringTerms(**terms),
        state=AssessmentState.PUBLISHED,
        blueprint=(PinnedSection(title="", slots=slots),),
        published_at=NOW,
        created_by="author",
        created_at=NOW,
        updated_at=NOW,
    )


def sitting(*responses: Any, attempt_id: str = "attempt") -> Sitting:
    """Return an attempt with these answers to the slots from 1 on; None is none."""
    given = {str(slot): one for slot, one in enumerate(responses, 1) if one is not None}
    return Sitting(attempt_id, "batch", "student", 1, NOW, given)
