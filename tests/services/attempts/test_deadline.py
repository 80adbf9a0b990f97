"""One rule for the end of an attempt, in Python and in MongoDB."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.assessments.phases import window_end
from services.attempts.deadline import RECKONED, deadline

START = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
durations, percents = st.integers(60, 6 * 3600), st.integers(100, 300)
grants, windows = st.integers(0, 7200), st.none() | st.integers(-3600, 6 * 3600)
cases = st.tuples(durations, percents, grants, windows)


def facts(case: tuple[int, int, int, int | None]) -> dict[str, Any]:
    duration, percent, granted, window = case
    end = None if window is None else START + timedelta(seconds=window)
    return {
        "duration_seconds": duration,
        "time_percent": percent,
        "granted_seconds": granted,
        "window_end_at": end,
    }


def test_whatever_comes_first_ends_an_attempt() -> None:
    hour: dict[str, Any] = {"duration_seconds": 3600}

    assert deadline(START, **hour) == START + 60 * MINUTE
    assert deadline(START, **hour, window_end_at=START + 20 * MINUTE) == START + 20 * MINUTE
    assert deadline(START, **hour, window_end_at=START + 90 * MINUTE) == START + 60 * MINUTE


def test_a_factor_stretches_duration_and_window() -> None:
    case: dict[str, Any] = {"duration_seconds": 3600, "time_percent": 150}

    assert deadline(START, **case) == START + 90 * MINUTE
    assert deadline(START, **case, window_end_at=START + 30 * MINUTE) == START + 60 * MINUTE
    assert window_end(START, 3600, 150) == START + 30 * MINUTE


@given(cases, st.integers(0, 600))
def test_a_grant_moves_the_deadline_by_just_that_much(case: Any, more: int) -> None:
    before, after = facts(case), facts((case[0], case[1], case[2] + more, case[3]))

    assert deadline(START, **after) - deadline(START, **before) == timedelta(seconds=more)


@given(cases, st.integers(0, 100))
def test_more_time_never_ends_an_attempt_sooner(case: Any, more: int) -> None:
    duration, percent, granted, window = case

    assert deadline(START, **facts((duration, percent + more, granted, window))) >= deadline(
        START, **facts(case)
    )


def test_mongodb_reckons_the_same(db: Any) -> None:
    made = [
        (d, p, g, w)
        for d in (60, 3600, 5401)
        for p in (100, 133, 250)
        for g in (0, 90)
        for w in (None, -5, 1800)
    ]
    rows = [{"_id": str(n), "started_at": START, **facts(case)} for n, case in enumerate(made)]
    db.reckoned.insert_many(rows)
    db.reckoned.update_many({"_id": {"$in": [row["_id"] for row in rows]}}, [RECKONED])

    for number, case in enumerate(made):
        stored = db.reckoned.find_one({"_id": str(number)})["deadline_at"]
        assert stored == deadline(START, **facts(case)), case
    db.reckoned.drop()
