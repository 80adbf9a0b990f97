"""Practice, progress, history and dashboard as students have them, end to end."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.cast import Campus, Cast, Person
from tests.exams import exam, exercise
from tests.practice import scored
from tests.questions import CANARY, SINGLE

RIGHT, WRONG = {"option": "b"}, {"option": "a"}


def begin(student: Person, test: Any, status: int = 201) -> Any:
    return student.post(f"/student/tests/{test['id']}/attempts", status=status)


def save(student: Person, attempt: Any, response: Any, *, slot: str = "1", seq: int = 1) -> Any:
    sent = {"answers": [{"slot": slot, "seq": seq, "response": response}]}
    return student.put(f"/student/attempts/{attempt['id']}/answers", sent)


def submit(student: Person, attempt: Any) -> Any:
    return student.post(f"/student/attempts/{attempt['id']}/submit", status=200)


def sat(student: Person, test: Any, response: Any = RIGHT) -> Any:
    """Sit a test of one question to its end; return what submitting said, with the attempt's id."""
    attempt = begin(student, test)
    save(student, attempt, response)
    return {**submit(student, attempt), "id": attempt["id"]}


def practising(campus: Campus, **more: Any) -> Any:
    place = {"module": "READING", "level": "BEGINNER", "name": "Read", **more}
    return exercise(campus, ("single",), **place)


def practice(student: Person) -> dict[str, Any]:
    return {one["test_id"]: one for one in student.get("/student/practice")["items"]}


def test_passing_a_level_opens_the_next_and_a_closed_one_cannot_be_begun(cast: Cast) -> None:
    campus, student = cast.north, cast.student(cast.north, "N1")
    second = practising(campus, level="INTERMEDIATE")
    first = practising(campus)
    noun = practising(campus, module="GRAMMAR", topic="NOUN")
    pronoun = practising(campus, module="GRAMMAR", topic="PRONOUN")
    loose = practising(campus, module=None, level=None)

    listed = student.get("/student/practice")

    order = [noun["id"], pronoun["id"], first["id"], second["id"], loose["id"]]
    assert [one["test_id"] for one in listed["items"]] == order and "server_time" in listed
    assert [one["open"] for one in listed["items"]] == [True, False, True, False, True]
    assert {one["questions"] for one in listed["items"]} == {1}
    refused = begin(student, second, status=403)
    assert (refused["type"].rpartition("/")[2], refused["why"]) == ("step-locked", "not_passed")
    assert refused["after"] == {"module": "READING", "topic": None, "level": "BEGINNER"}

    sat(student, first, WRONG)
    assert not practice(student)[second["id"]]["open"]
    done = sat(student, first)

    assert done["result"]["percent"] == "100"
    found = practice(student)
    assert (found[first["id"]]["attempts"], found[first["id"]]["best"]) == (2, "100")
    assert (found[second["id"]]["open"], found[second["id"]]["why"]) == (True, "passed")
    attempt = begin(student, second)
    assert practice(student)[second["id"]]["attempt_id"] == attempt["id"]


def test_what_an_admin_locks_cannot_be_begun_and_what_has_begun_goes_on(cast: Cast) -> None:
    campus, student = cast.north, cast.student(cast.north, "N1")
    test, other = practising(campus), practising(campus)
    attempt = begin(student, test)
    locking = {"module": "READING", "action": "lock", "reason": "Rest for a week"}
    campus.admin.post(f"/practice_management/students/{student.id}/overrides", locking)

    refused = begin(student, other, status=403)

    assert (refused["why"], refused["after"]) == ("locked", None)
    assert begin(student, test, status=200)["id"] == attempt["id"]
    save(student, attempt, RIGHT)
    assert submit(student, attempt)["result"]["percent"] == "100"


def test_practice_is_for_its_audience_only(cast: Cast) -> None:
    student = cast.student(cast.north, "N1")
    practising(cast.north, course_ids=[cast.north.course_ids[1]])
    practising(cast.south)
    exam(cast.north, ("single",))

    assert practice(student) == {}


def test_an_answer_that_was_checked_is_final(cast: Cast) -> None:
    campus, student = cast.north, cast.student(cast.north, "N1")
    test = practising(campus, review={"feedback": "each"})
    attempt = begin(student, test)
    path = f"/student/attempts/{attempt['id']}/check"
    assert CANARY not in str(attempt)
    assert student.post(path, {"slot": "1"}, status=409)["type"].endswith("/nothing-to-check")
    save(student, attempt, WRONG)

    told = student.post(path, {"slot": "1"}, status=200)
    again = student.post(path, {"slot": "1"}, status=200)
    late = save(student, attempt, RIGHT, seq=2)

    assert told == again
    assert (told["fraction"], told["mark"], told["max_mark"]) == ("0", "0", "1")
    assert told["notes"]["key"]["option"] == "b" and told["feedback"] == [SINGLE["feedback"]["a"]]
    assert late["acks"] == [{"slot": "1", "seq": 1}]
    assert submit(student, attempt)["result"]["percent"] == "0"
    student.post(path, {"slot": "1"}, status=409)


def test_nothing_is_told_during_an_exam_or_where_practice_tells_at_its_end(cast: Cast) -> None:
    campus, student = cast.north, cast.student(cast.north, "N1")
    ended, silent = practising(campus), practising(campus, review={"feedback": "none"})
    for test in (ended, exam(campus, ("single",), review={"feedback": "each"})):
        attempt = begin(student, test)
        save(student, attempt, RIGHT)
        told = student.post(f"/student/attempts/{attempt['id']}/check", {"slot": "1"}, status=409)
        assert told["type"].endswith("/no-feedback-now") and CANARY not in str(told)
        student.get(f"/student/attempts/{attempt['id']}/review", status=403)
        submit(student, attempt)

    begun = begin(student, ended)
    save(student, begun, WRONG)
    submit(student, begun)
    review = student.get(f"/student/attempts/{begun['id']}/review")

    [slot] = review["slots"]
    assert (slot["response"], slot["question"]["key"]["option"]) == (WRONG, "b")
    assert review["result"]["percent"] == "0" and slot["feedback"] == [SINGLE["feedback"]["a"]]
    student.get(f"/student/attempts/{attempt['id']}/review", status=403)  # of the exam
    student.get(f"/student/attempts/{sat(student, silent)['id']}/review", status=403)


def test_an_attempt_of_somebody_else_is_not_there(cast: Cast) -> None:
    campus, student = cast.north, cast.student(cast.north, "N1")
    other = cast.student(campus, "N2")
    attempt = begin(student, practising(campus, review={"feedback": "each"}))
    save(student, attempt, RIGHT)

    other.post(f"/student/attempts/{attempt['id']}/check", {"slot": "1"}, status=404)
    other.get(f"/student/attempts/{attempt['id']}/review", status=404)
    student.post(f"/student/attempts/{attempt['id']}/check", {"slot": "7"}, status=422)


def test_history_shows_practice_at_once_and_an_exam_when_it_is_released(cast: Cast, db: Any) -> None:
    campus, student = cast.north, cast.student(cast.north, "N1")
    practised = sat(student, practising(campus))
    examined = sat(student, exam(campus, ("single",)))

    found = student.get("/student/history")["items"]

    assert [(one["attempt_id"], one["kind"]) for one in found] == [
        (examined["id"], "online"),
        (practised["id"], "practice"),
    ]
    assert found[0]["result"] is None and found[0]["name"] == "Spring exam"
    assert found[1]["result"] == {"state": "scored", "score": "1", "max_score": "1", "percent": "100"}
    assert [one["kind"] for one in student.get("/student/history?kind=online")["items"]] == ["online"]
    page = student.get("/student/history?limit=1")
    rest = student.get(f"/student/history?limit=1&cursor={page['next_cursor']}")
    assert rest["items"] == found[1:] and rest["next_cursor"] is None
    db.test_results.update_one({"_id": examined["id"]}, {"$set": {"released_at": datetime.now(UTC)}})
    assert student.get("/student/history")["items"][0]["result"]["percent"] == "100"


def test_no_exam_is_in_any_figure_of_practice(cast: Cast, db: Any) -> None:
    campus, student = cast.north, cast.student(cast.north, "N1")
    exam(campus, ("single",), module="READING", level="BEGINNER")
    before = student.get("/student/progress"), student.get("/student/dashboard")["practice"]

    scored(db, campus, student.id, 100, kind="online", test_id="exam")

    assert (student.get("/student/progress"), student.get("/student/dashboard")["practice"]) == before


def test_the_dashboard_shows_what_is_ahead_and_what_was_done(cast: Cast) -> None:
    campus, student = cast.north, cast.student(cast.north, "N1")
    later = datetime.now(UTC) + timedelta(days=2)
    ahead: dict[str, Any] = {
        "window_start_at": later.isoformat(),
        "window_end_at": (later + timedelta(days=1)).isoformat(),
    }
    coming = exam(campus, ("single",), name="Autumn exam", **ahead)
    open_one, done = exam(campus, ("single",)), exam(campus, ("single",))
    sat(student, done)
    sat(student, practising(campus))

    found = student.get("/student/dashboard")

    exams = found["exams"]
    assert (exams["active"], exams["upcoming"]) == (1, 1)
    assert [one["id"] for one in exams["items"]] == [open_one["id"], coming["id"]]
    practised = found["practice"]
    assert (practised["passed"], practised["attempts"]) == (1, 1)
    assert [one["module"] for one in practised["modules"]] == ["READING"]
    assert [one["kind"] for one in found["recent"]] == ["practice", "online"]
    assert found["unread"] == 0


SWITCHED = {
    "practice_tests": "/student/practice",
    "progress_tracking": "/student/progress",
    "test_history": "/student/history",
}


def test_features_that_are_off_really_are(cast: Cast) -> None:
    campus, student = cast.north, cast.student(cast.north, "N1")
    test = practising(campus)
    done = sat(student, test)
    for feature, path in SWITCHED.items():
        switch = "/global_settings/features/student"
        cast.superadmin.patch(switch, {"features": {feature: False}})
        assert student.get(path, status=403)["feature"] == feature
        if feature == "practice_tests":
            assert begin(student, test, status=403)["feature"] == feature
            student.get(f"/student/attempts/{done['id']}/review", status=403)
        cast.superadmin.patch(switch, {"features": {feature: True}})
        student.get(path)

    off = dict.fromkeys(("online_tests", *SWITCHED), False)
    cast.superadmin.patch("/global_settings/features/student", {"features": off})
    found = student.get("/student/dashboard")
    cast.superadmin.patch("/global_settings/features/student", {"features": dict.fromkeys(off, True)})
    assert (found["exams"], found["practice"], found["recent"]) == (None, None, None)


def test_who_is_no_student_has_none_of_it(cast: Cast) -> None:
    for path in ("practice", "progress", "history", "dashboard"):
        cast.superadmin.get(f"/student/{path}", status=403)
        cast.north.admin.get(f"/student/{path}", status=403)
