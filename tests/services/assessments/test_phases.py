"""Which phase a test is in: by what is stored and the time, from its first second to its last."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.assessments.documents import Assessment, AssessmentKind, AssessmentState
from services.assessments.phases import Phase, phase_of

START = datetime(2026, 11, 27, 10, tzinfo=UTC)
END = START + timedelta(hours=2)
TICK = timedelta(milliseconds=1)


def made(state: AssessmentState, **more: Any) -> Assessment:
    times = {"window_start_at": START, "window_end_at": END, "created_at": START, "updated_at": START}
    fields = {**times, "kind": AssessmentKind.ONLINE, "duration_minutes": 60, **more}
    return Assessment(campus_id="c", name="Exam", created_by="a", state=state, **fields)


@pytest.mark.parametrize(
    ("now", "phase"),
    [
        (START - TICK, Phase.PUBLISHED),
        (START, Phase.OPEN),
        (END - TICK, Phase.OPEN),
        (END, Phase.CLOSED),
        (END + TICK, Phase.CLOSED),
    ],
)
def test_a_published_test_is_open_from_the_start_until_before_the_end(now: datetime, phase: Phase) -> None:
    assert phase_of(made(AssessmentState.PUBLISHED), now) is phase


@pytest.mark.parametrize("state", [one for one in AssessmentState if one is not AssessmentState.PUBLISHED])
def test_what_is_not_published_does_not_look_at_the_clock(state: AssessmentState) -> None:
    assert {phase_of(made(state), now) for now in (START - TICK, START, END)} == {Phase(state)}


def test_practice_is_open_while_it_is_published() -> None:
    never = {"window_start_at": None, "window_end_at": None, "kind": AssessmentKind.PRACTICE}

    assert phase_of(made(AssessmentState.PUBLISHED, **never), START) is Phase.OPEN
