"""Reminders fall due by themselves, each once, whoever dies and whatever is changed meanwhile."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from main import Runtime
from services.assessments.documents import Assessment, AssessmentKind
from services.assessments.reminding import next_reminder
from tests.cast import Campus, Cast, Person
from tests.deaths import dies, points
from tests.exams import TESTS, exam, exercise
from tests.waiting import until

HOUR = 3600.0
START = datetime(2030, 1, 31, 20, tzinfo=UTC)


@pytest.fixture
def remind(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call it to look for reminders; no loop does so behind the test's back."""
    [loop] = [one for one in runtime.supervisor._loops if one.name == "remind"]
    look = loop.tick
    monkeypatch.setattr(loop, "tick", lambda: None)
    idle = lambda: not [one for one in runtime.loops() if one.name == "remind" and one.ticking]  # noqa: E731
    until(idle, "a look for reminders that had begun is over")
    return look


def planned(hours: float, **more: Any) -> Assessment:
    return Assessment(
        campus_id="c",
        name="Exam",
        kind=AssessmentKind.ONLINE,
        window_start_at=START,
        window_end_at=START + timedelta(hours=hours),
        duration_minutes=60,
        created_by="a",
        created_at=START,
        updated_at=START,
        **more,
    )


def due(db: Any, test: Any, ago: float = 1) -> None:
    """Let the next reminder of a test have fallen due."""
    at = datetime.now(UTC) - timedelta(seconds=ago)
    db.tests.update_one({"_id": test["id"]}, {"$set": {"next_reminder_at": at}})


def jobs(db: Any) -> list[Any]:
    return [row for row in db.batch_jobs.find() if row["type"] == "test_reminder"]


def reminded(db: Any) -> list[str]:
    return sorted(row["recipient_id"] for row in db.deliveries.find() if row["channel"] == "inbox")


def recorded(db: Any) -> list[Any]:
    return [row for row in db.audit.find() if row["action"] == "test.reminded"]


def next_of(north: Campus, test: Any) -> datetime | None:
    at = north.admin.get(f"{TESTS}/{test['id']}")["next_reminder_at"]
    return datetime.fromisoformat(at) if at else None


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(2, [-24, -1]), (6, [-24, -1]), (7, [-24, -1, 6]), (40, [-24, -1, 6, 12, 24, 30, 36])],
)
def test_moments_are_a_day_and_an_hour_before_and_rarer_and_rarer_while_open(
    hours: float, expected: list[int]
) -> None:
    test, at, found = planned(hours), START - timedelta(days=30), []
    while (following := next_reminder(test, at)) is not None:
        at = following
        found.append((at - START) / timedelta(hours=1))

    assert found == expected


def test_what_has_no_window_or_no_channel_reminds_nobody(cast: Cast) -> None:
    before = START - timedelta(days=30)
    silent = planned(2, reminder_channels=())
    open_always = planned(2).model_copy(update={"window_start_at": None, "window_end_at": None})

    assert next_reminder(silent, before) is None and next_reminder(open_always, before) is None
    assert next_of(cast.north, exercise(cast.north, ["single"])) is None


def test_those_who_have_not_begun_are_reminded_once_over_the_tests_channels(
    cast: Cast, at_rest: Any, db: Any, remind: Any
) -> None:
    north = cast.north
    begun, other = cast.student(north, "N-1"), cast.student(north, "N-2")
    test = exam(north, ["single"], seconds=20 * HOUR, reminder_channels=["inbox"])
    begun.post(f"/student/tests/{test['id']}/attempts")
    due(db, test)

    assert (remind(), remind()) == (1, 0)
    at_rest()

    [job] = jobs(db)
    assert (job["state"], job["created_by"], job["channels"]) == ("completed", north.admin.id, ["inbox"])
    assert reminded(db) == [other.id]
    assert other.get("/notifications")["items"][0]["title"] == "Reminder of Spring exam"
    [row] = recorded(db)
    assert (row["actor_id"], row["detail"]) == ("system", {"job": job["_id"], "open": True})
    opened = datetime.fromisoformat(test["window_start_at"])
    assert next_of(north, test) == opened + timedelta(hours=6)


def test_nobody_is_left_to_remind_and_no_job_is_opened(
    cast: Cast, at_rest: Any, db: Any, remind: Any
) -> None:
    student = cast.student(cast.north, "N-1")
    test = exam(cast.north, ["single"])
    student.post(f"/student/tests/{test['id']}/attempts")
    due(db, test)

    assert (remind(), jobs(db)) == (0, [])
    assert next_of(cast.north, test) is None


@pytest.mark.parametrize("ended", ["cancelled", "over", "silenced"])
def test_what_ended_or_was_silenced_meanwhile_reminds_nobody(
    cast: Cast, db: Any, remind: Any, ended: str
) -> None:
    admin = cast.north.admin
    cast.student(cast.north, "N-1")
    test = exam(cast.north, ["single"])
    due(db, test)
    if ended == "cancelled":
        admin.post(f"{TESTS}/{test['id']}/cancel", status=200)
    elif ended == "silenced":
        admin.patch(f"{TESTS}/{test['id']}", {"reminder_channels": []})
    else:
        past = datetime.now(UTC) - timedelta(seconds=1)
        db.tests.update_one({"_id": test["id"]}, {"$set": {"window_end_at": past}})

    assert (remind(), jobs(db)) == (0, [])


def test_a_window_moved_later_reminds_anew_and_one_moved_earlier_never_twice(
    cast: Cast, at_rest: Any, db: Any, remind: Any
) -> None:
    north = cast.north
    student = cast.student(north, "N-1")
    test = exam(north, ["single"], seconds=30 * HOUR, begun=-20 * HOUR, reminder_channels=["inbox"])
    opens = datetime.fromisoformat(test["window_start_at"])

    def moved(hours: float) -> datetime | None:
        north.admin.patch(
            f"{TESTS}/{test['id']}", {"window_start_at": (opens + timedelta(hours=hours)).isoformat()}
        )
        return next_of(north, test)

    due(db, test)  # the one of a day before
    remind()

    assert next_of(north, test) == opens - timedelta(hours=1)
    assert moved(-2) == opens - timedelta(hours=3)
    assert moved(6) == opens + timedelta(hours=6) - timedelta(days=1)
    due(db, test)
    assert (remind(), remind()) == (1, 0)
    at_rest()
    assert reminded(db) == [student.id] * 2


def test_whoever_changes_the_times_answers_for_the_reminders_that_follow(
    cast: Cast, at_rest: Any, db: Any, remind: Any
) -> None:
    north = cast.north
    cast.student(north, "N-1")
    leaver: Person = cast.admin("leaver", "campus_admin", north.id)
    test = exam(north, ["single"], seconds=20 * HOUR, reminder_channels=["inbox"])
    leaver.patch(f"{TESTS}/{test['id']}", {"reminder_channels": ["inbox", "email"]})
    cast.superadmin.put(
        f"/access_control/admins/{leaver.id}/permissions", {"permissions": ["test_management:test:read"]}
    )
    due(db, test)

    remind()
    at_rest()

    [job] = jobs(db)
    assert job["created_by"] == leaver.id
    assert {row["state"] for row in db.deliveries.find({"job_id": job["_id"]})} == {"failed"}


def test_a_reminder_that_died_is_sent_once_by_whoever_looks_next(
    cast: Cast, at_rest: Any, db: Any, remind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast.student(cast.north, "N-1")
    test = exam(cast.north, ["single"], reminder_channels=["inbox"])
    seen = 0
    for point in points():
        due(db, test)
        if not dies(monkeypatch, point, remind):
            break
        seen += 1

        assert len(jobs(db)) in (seen - 1, seen), point
        remind()

        assert len(jobs(db)) == len(recorded(db)) == seen, point
    at_rest()

    assert seen >= 10
    assert len(reminded(db)) == len(jobs(db)) == seen + 1
