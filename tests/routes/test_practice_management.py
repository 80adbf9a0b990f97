"""Practice as admins see it: how far students are, and what is unlocked and locked for one of them."""

from typing import Any

from tests.cast import Cast, Person
from tests.practice import enrolled, scored
from tests.routes.test_live import socket
from tests.waiting import until

__all__ = ["socket"]

HOME = "/practice_management"
UNLOCKED = {"module": "READING", "level": "ADVANCED", "action": "unlock", "reason": "Has a certificate"}


def overrides(student_id: str) -> str:
    return f"{HOME}/students/{student_id}/overrides"


def steps(admin: Person, student_id: str, module: str = "READING") -> dict[str, Any]:
    found = admin.get(f"{HOME}/students/{student_id}/progress")
    [progress] = [one for one in found["modules"] if one["module"] == module]
    return {step["level"]: step for step in progress["steps"] if step["topic"] is None}


def test_an_admin_unlocks_a_level_with_a_reason_and_takes_it_back(cast: Cast, db: Any) -> None:
    admin, student = cast.north.admin, enrolled(cast.north, "N1")
    assert not steps(admin, student)["ADVANCED"]["open"]

    made = admin.post(overrides(student), UNLOCKED)
    opened = steps(admin, student)["ADVANCED"]
    admin.post(overrides(student), {**UNLOCKED, "action": "lift", "reason": "It was another Asha"})

    assert (opened["open"], opened["why"], opened["passed"]) == (True, "unlocked", False)
    assert steps(admin, student)["ADVANCED"]["why"] == "not_passed"
    history = admin.get(overrides(student))["items"]
    assert [(one["number"], one["action"], one["created_by"]) for one in history] == [
        (2, "lift", admin.id),
        (1, "unlock", admin.id),
    ]
    assert history[1] == made and made["reason"] == UNLOCKED["reason"]
    audited = [row["action"] for row in db.audit.find({"target": f"student:{student}"}).sort("_id")]
    assert audited[-2:] == ["practice.unlock", "practice.lift"]
    assert "certificate" not in str(list(db.audit.find()))


def test_a_student_hears_at_once_what_was_decided_and_nobody_else_does(cast: Cast, socket: Any) -> None:
    student, other = cast.student(cast.north, "N1"), cast.student(cast.north, "N2")
    ear, others_ear = socket(student.token), socket(other.token)

    made = cast.north.admin.post(overrides(student.id), UNLOCKED)

    [event] = until(ear.get_received, "an event")
    assert (event["name"], event["args"]) == ("practice:changed", [made])
    assert others_ear.get_received() == []


REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"module": "COOKING"}, "/module"),
    ({"level": "MASTER"}, "/level"),
    ({"topic": "NOUN"}, "/topic"),
    ({"action": "open"}, "/action"),
    ({"reason": " x "}, "/reason"),
    ({"reason": "x" * 501}, "/reason"),
    ({"student_id": "somebody"}, "/student_id"),
    ({"module": {"$ne": None}}, "/module"),
)


def test_what_is_no_decision_is_refused_by_its_field(cast: Cast, db: Any) -> None:
    student = enrolled(cast.north, "N1")
    for wrong, pointer in REFUSED:
        told = cast.north.admin.post(overrides(student), UNLOCKED | wrong, status=422)
        assert [one["pointer"] for one in told["errors"]] == [pointer], wrong

    nothing = {**UNLOCKED, "action": "lift"}
    assert cast.north.admin.post(overrides(student), nothing, status=409)["type"].endswith("nothing-to-lift")
    assert db.practice_overrides.count_documents({}) == 0


def test_decisions_about_one_student_have_an_order_even_when_they_come_together(
    cast: Cast, runtime: Any
) -> None:
    admin, student = cast.north.admin, enrolled(cast.north, "N1")
    calls = {
        str(n): lambda n=n: (
            admin.http.post(
                overrides(student), json={**UNLOCKED, "action": ("unlock", "lock")[n % 2]}
            ).status_code
        )
        for n in range(4)
    }

    assert set(runtime.processor.parallel(calls, 20).values()) == {201}

    assert [one["number"] for one in admin.get(overrides(student))["items"]] == [4, 3, 2, 1]


def test_progress_follows_from_practice_and_from_nothing_else(cast: Cast, db: Any) -> None:
    admin, campus = cast.north.admin, cast.north
    student, other = enrolled(campus, "N1"), enrolled(campus, "N2")
    scored(db, campus, student, 40)
    scored(db, campus, student, "66.6", number=2)
    scored(db, campus, student, 100, test_id="another", level="INTERMEDIATE", state="awaiting", score=None)
    scored(db, campus, student, 100, test_id="exam", kind="online", level="INTERMEDIATE")
    scored(db, campus, student, 100, test_id="gone", module="COOKING")
    scored(db, campus, other, 100, level="INTERMEDIATE")

    found = steps(admin, student)

    first, second = found["BEGINNER"], found["INTERMEDIATE"]
    assert (first["best"], first["attempts"], first["passed"]) == ("66.6", 2, True)
    assert first["last_at"] == "2026-11-20T09:00:00Z"
    assert (second["open"], second["why"], second["best"], second["attempts"]) == (True, "passed", None, 0)
    assert second["after"] == {"module": "READING", "topic": None, "level": "BEGINNER"}
    assert not found["ADVANCED"]["open"]


def test_topics_of_grammar_open_one_after_the_other(cast: Cast, db: Any) -> None:
    student = enrolled(cast.north, "N1")
    scored(db, cast.north, student, 60, module="GRAMMAR", topic="NOUN")

    found = cast.north.admin.get(f"{HOME}/students/{student}/progress")

    [grammar] = [one for one in found["modules"] if one["module"] == "GRAMMAR"]
    opened = {(one["topic"], one["level"]) for one in grammar["steps"] if one["open"]}
    assert opened == {
        (None, "BEGINNER"),
        ("NOUN", "BEGINNER"),
        ("NOUN", "INTERMEDIATE"),
        ("PRONOUN", "BEGINNER"),
    }
    assert (grammar["passed"], grammar["total"], grammar["attempts"]) == (1, 39, 1)


def test_a_batch_and_its_students_are_seen_at_once(cast: Cast, db: Any) -> None:
    campus = cast.north
    one, other = enrolled(campus, "N1"), enrolled(campus, "N2")
    enrolled(campus, "N3")
    scored(db, campus, one, 80)
    scored(db, campus, other, 50)
    scored(db, campus, other, 40, number=2)

    rows = campus.admin.get(f"{HOME}/students?batch_id={campus.batch_id}")["items"]
    batch = campus.admin.get(f"{HOME}/batches/{campus.batch_id}/progress")

    assert [(row["roll_number"], row["attempts"], row["modules"]) for row in rows] == [
        ("N1", 1, {"READING": {"passed": 1, "total": 3, "attempts": 1}}),
        ("N2", 2, {"READING": {"passed": 0, "total": 3, "attempts": 2}}),
        ("N3", 0, {}),
    ]
    assert batch == cast.superadmin.get(f"{HOME}/batches/{campus.batch_id}/progress")
    assert (batch["students"], batch["practising"]) == (3, 2)
    [reading] = [one for one in batch["modules"] if one["module"] == "READING"]
    assert (reading["practising"], reading["attempts"], reading["mean_best"]) == (2, 3, "65")
    assert reading["steps"] == [{"topic": None, "level": "BEGINNER", "tried": 2, "passed": 1}]


def test_a_module_says_how_much_is_enough(cast: Cast, db: Any) -> None:
    student = enrolled(cast.north, "N1")
    scored(db, cast.north, student, 70)
    levels = ["BEGINNER", "INTERMEDIATE", "ADVANCED"]
    wanted = {"name": "Reading", "levels": levels, "pass_percent": 75}

    cast.superadmin.put("/question_bank/modules/READING", wanted)

    assert not steps(cast.north.admin, student)["INTERMEDIATE"]["open"]
    told = cast.superadmin.put("/question_bank/modules/READING", {**wanted, "pass_percent": 101}, status=422)
    assert [one["pointer"] for one in told["errors"]] == ["/pass_percent"]


def test_a_student_of_another_campus_does_not_exist(cast: Cast) -> None:
    student = cast.student(cast.north, "N1")

    for path in ("progress", "overrides"):
        cast.south.admin.get(f"{HOME}/students/{student.id}/{path}", status=404)
        student.get(f"{HOME}/students/{student.id}/{path}", status=403)
    cast.south.admin.post(overrides(student.id), UNLOCKED, status=404)
