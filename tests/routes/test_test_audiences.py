"""Who takes a test, what they see of it before and after it is published, and the list of their exams."""

from typing import Any

from tests.cast import Cast, Person
from tests.exams import TESTS, ask, exam, exercise, plan, window
from tests.questions import CANARY, QUESTIONS


def names(page: Any) -> list[str]:
    return [row["name"] for row in page["items"]]


def lists(student: Person) -> dict[str, list[str]]:
    shown = student.get("/student/exams")
    return {name: [one["name"] for one in shown[name]] for name in ("upcoming", "active", "completed")}


def test_an_audience_is_campus_and_courses_and_batches_and_chosen_students(cast: Cast) -> None:
    north = cast.north
    first, second = north.course_ids
    other = {"campus_id": north.id, "name": "Evening", "course_ids": [first]}
    evening = north.admin.post("/batch_management/batches", other)["id"]
    one = cast.student(north, "N-1")
    cast.student(north, "N-2", course_ids=[second])
    cast.student(north, "N-3", batch_id=evening)
    cast.student(cast.south, "S-1")
    for narrowed, roll_numbers in (
        ({}, ["N-1", "N-2", "N-3"]),
        ({"course_ids": [first]}, ["N-1", "N-3"]),
        ({"course_ids": [first, second], "batch_ids": [north.batch_id]}, ["N-1", "N-2"]),
        ({"course_ids": [second], "batch_ids": [evening]}, []),
        ({"batch_ids": [north.batch_id], "student_ids": [one.id]}, ["N-1"]),
    ):
        made = north.admin.post(TESTS, plan(north, [], **narrowed))

        audience = north.admin.get(f"{TESTS}/{made['id']}/audience")

        assert names(audience) == [f"Student {number}" for number in roll_numbers], narrowed
        assert audience["total"] == len(roll_numbers)


def test_an_audience_comes_in_pages_by_name_without_those_who_left(cast: Cast) -> None:
    north = cast.north
    made = north.admin.post(TESTS, plan(north, []))
    students = [cast.student(north, f"N-{n}") for n in range(1, 4)]
    left = {"status": "deactivated"}
    north.admin.patch(f"/student_management/students/{students[1].id}", left)
    path = f"{TESTS}/{made['id']}/audience?limit=1"

    first = north.admin.get(path)
    second = north.admin.get(f"{path}&cursor={first['next_cursor']}")

    assert (names(first), names(second), second["next_cursor"]) == (["Student N-1"], ["Student N-3"], None)
    assert (first["total"], second["total"]) == (2, 2)


def test_a_course_admin_counts_the_students_of_own_courses(cast: Cast) -> None:
    north = cast.north
    first, second = north.course_ids
    admin = cast.admin("cse", "course_admin", north.id, course_ids=[first])
    cast.student(north, "N-1", course_ids=[first, second])
    cast.student(north, "N-2", course_ids=[second])
    made = north.admin.post(TESTS, plan(north, [], course_ids=[first, second]))

    audience = admin.get(f"{TESTS}/{made['id']}/audience")

    assert (names(audience), audience["total"]) == (["Student N-1"], 1)
    assert audience["items"][0]["course_ids"] == [first]


def test_a_preview_shows_a_draft_as_students_would_see_it_and_stores_nothing(cast: Cast, db: Any) -> None:
    north = cast.north
    wanted = plan(north, ask(north.admin, QUESTIONS), shuffle_questions=True, shuffle_options=True)
    made = north.admin.post(TESTS, wanted)
    path = f"{TESTS}/{made['id']}"

    draft = north.admin.get(f"{path}/preview?seed=one")
    north.admin.post(f"{path}/publish", status=200)
    final = north.admin.get(f"{path}/preview?seed=one")
    other = north.admin.get(f"{path}/preview?seed=two")

    assert (draft["final"], final["final"]) == (False, True)
    assert draft["sections"] == final["sections"] != other["sections"]
    assert CANARY not in str(final)
    assert {slot["type"] for slot in final["sections"][0]["slots"]} == set(QUESTIONS)


def test_a_preview_of_what_cannot_be_published_says_why(cast: Cast) -> None:
    made = cast.north.admin.post(TESTS, plan(cast.north, []))

    told = cast.north.admin.get(f"{TESTS}/{made['id']}/preview", status=409)

    assert told["type"] == "/problems/assessment-not-ready"


def test_a_student_sees_the_exams_of_own_audiences_by_their_windows(cast: Cast, db: Any) -> None:
    north = cast.north
    student = cast.student(north, "N-1")
    exam(north, name="Now")
    exam(north, ["essay"], seconds=9000, begun=-7200, name="Later")
    exam(north, ["code"], name="Of others", course_ids=[north.course_ids[1]])
    exercise(north, ["cloze"])
    over = exam(north, ["ordering"], name="Over")
    cancelled = exam(north, ["matching"], name="Cancelled")
    north.admin.post(f"{TESTS}/{cancelled['id']}/cancel", status=200)
    north.admin.post(TESTS, plan(north, [], name="Draft"))
    north.admin.patch(f"{TESTS}/{over['id']}", {"window_end_at": window(-1)["window_end_at"]})

    assert lists(student) == {"upcoming": ["Later"], "active": ["Now"], "completed": ["Over"]}


def test_somebody_enrolled_after_publishing_takes_the_test_too(cast: Cast) -> None:
    exam(cast.north)

    assert lists(cast.student(cast.north, "N-9"))["active"] == ["Spring exam"]
    assert lists(cast.student(cast.south, "S-9"))["active"] == []


def test_the_list_shows_how_long_and_how_often_somebody_may_sit(cast: Cast) -> None:
    north = cast.north
    student = cast.student(north, "N-1")
    needs = {"time_factor": 1.25, "extra_attempts": 2}
    north.admin.put(f"/student_management/students/{student.id}/accommodations", needs)
    exam(north, duration_minutes=30)

    [shown] = student.get("/student/exams")["active"]

    assert (shown["duration_minutes"], shown["attempts_left"]) == (38, 3)
    assert (shown["attempt_id"], shown["deadline"], shown["submitted_at"]) == (None, None, None)


def test_what_runs_is_active_and_what_was_submitted_is_completed(cast: Cast) -> None:
    student = cast.student(cast.north, "N-1")
    test = exam(cast.north)

    begun = student.post(f"/student/tests/{test['id']}/attempts")
    [running] = student.get("/student/exams")["active"]
    done = student.post(f"/student/attempts/{begun['id']}/submit", status=200)
    shown = student.get("/student/exams")

    assert (running["attempt_id"], running["deadline"]) == (begun["id"], begun["deadline"])
    assert (running["attempts_left"], shown["active"]) == (0, [])
    assert [one["submitted_at"] for one in shown["completed"]] == [done["submitted_at"]]


def test_an_exam_is_open_for_longer_to_who_has_more_time_and_is_not_put_away_before(cast: Cast) -> None:
    north = cast.north
    slow, quick = cast.student(north, "N-1"), cast.student(north, "N-2")
    north.admin.put(f"/student_management/students/{slow.id}/accommodations", {"time_factor": 1.5})
    test = exam(north, duration_minutes=60)
    path = f"{TESTS}/{test['id']}"
    north.admin.patch(path, {"window_end_at": window(-1)["window_end_at"]})

    [shown] = slow.get("/student/exams")["active"]
    begun = slow.post(f"/student/tests/{test['id']}/attempts")
    refused = north.admin.post(f"{path}/archive", status=409)

    assert (shown["state"], shown["window_end_at"]) == ("open", begun["deadline"])
    assert lists(quick)["completed"] == ["Spring exam"]
    assert refused["type"] == "/problems/assessment-still-runs"
    assert lists(slow)["active"] == ["Spring exam"]
    slow.post(f"/student/attempts/{begun['id']}/submit", status=200)
    assert north.admin.post(f"{path}/archive", status=200)["state"] == "archived"
