"""Sitting a test through the front door."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from main import Runtime
from tests.cast import Cast, Person
from tests.listener import CommandLog
from tests.people import Place, place
from tests.questions import QUESTIONS
from tests.sitting import answer, answers_of, attempts_of, published, recorded, sitter

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def north(db: Any) -> Place:
    return place(db, "North")


@pytest.fixture
def asha(app: Flask, north: Place) -> Person:
    return sitter(app, north, "21CS001")


@pytest.fixture
def test_id(north: Place, db: Any) -> str:
    return published(db, north.id)


@pytest.fixture
def begun(asha: Person, test_id: str) -> Any:
    return asha.post(attempts_of(test_id))


def save(person: Person, attempt: Any, *answers: Any, status: int = 200) -> Any:
    return person.put(answers_of(attempt["id"]), {"answers": list(answers)}, status=status)


def do(person: Person, attempt: Any, what: str, body: Any = None, status: int = 200) -> Any:
    return person.post(f"/student/attempts/{attempt['id']}/{what}", body, status=status)


def see(person: Person, attempt: Any, status: int = 200) -> Any:
    return person.get(f"/student/attempts/{attempt['id']}", status=status)


def end(db: Any, attempt: Any, seconds_ago: float) -> None:
    """Let the time of an attempt be over; the sweeper may see it from five seconds on."""
    at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    db.attempts.update_one({"_id": attempt["id"]}, {"$set": {"deadline_at": at}})


def test_an_attempt_is_begun_saved_and_submitted(asha: Person, begun: Any, db: Any) -> None:
    assert (begun["number"], begun["state"], begun["saved"]) == (1, "active", [])
    assert [slot["slot"] for slot in begun["paper"]["sections"][0]["slots"]] == ["1", "2"]

    saved = save(asha, begun, answer("1", 1, option="a"), answer("2", 2, options=["a", "b"]))
    assert saved["acks"] == [{"slot": "1", "seq": 1}, {"slot": "2", "seq": 2}]
    assert saved["deadline"] == begun["deadline"]

    done = do(asha, begun, "submit")
    assert (done["state"], done["result"]) == ("submitted", None)
    assert do(asha, begun, "submit") == done
    [result] = db.test_results.find()
    assert (result["_id"], result["state"], len(result["items"])) == (begun["id"], "scored", 2)


def test_start_is_idempotent_and_resumes(asha: Person, begun: Any, test_id: str) -> None:
    save(asha, begun, answer("1", 1, option="a"))

    again = asha.post(attempts_of(test_id), status=200)

    assert again["id"] == begun["id"]
    assert again["saved"] == [{"slot": "1", "seq": 1, "response": {"option": "a"}}]
    assert again["paper"] == begun["paper"] == see(asha, begun)["paper"]


def test_a_start_with_a_key_is_one_attempt(asha: Person, test_id: str, db: Any) -> None:
    key = {"Idempotency-Key": "one"}

    first, second = (asha.post(attempts_of(test_id), headers=key) for _ in range(2))

    assert first == second
    assert db.attempts.count_documents({"test_id": test_id}) == 1


def test_the_deadline_follows_from_duration_window_and_accommodations(
    north: Place, asha: Person, db: Any
) -> None:
    now = datetime.now(UTC)
    db.students.update_one({"_id": asha.id}, {"$set": {"accommodations": {"time_percent": 150}}})
    test_id = published(db, north.id, window_end_at=now + timedelta(minutes=40))

    begun = asha.post(attempts_of(test_id))

    late = datetime.fromisoformat(begun["deadline"]) - now
    assert timedelta(minutes=69) < late < timedelta(minutes=71)  # 40 and half of 60
    assert begun["deadline"].endswith("Z") and begun["server_time"].endswith("Z")


def test_an_older_answer_never_wins(asha: Person, begun: Any) -> None:
    save(asha, begun, answer("1", 5, option="b"))

    late = save(asha, begun, answer("1", 4, option="a"), answer("2", 4, options=["a"]))

    assert late["acks"] == [{"slot": "1", "seq": 5}, {"slot": "2", "seq": 4}]
    assert see(asha, begun)["saved"][0] == {"slot": "1", "seq": 5, "response": {"option": "b"}}


def test_a_repeated_save_is_the_same_save(asha: Person, begun: Any, db: Any) -> None:
    first = save(asha, begun, answer("1", 1, option="a"))
    at = db.attempts.find_one()["answers"]["1"]["at"]

    assert save(asha, begun, answer("1", 1, option="a"))["acks"] == first["acks"]
    assert db.attempts.find_one()["answers"]["1"]["at"] == at


def test_one_number_for_two_answers_is_refused(asha: Person, begun: Any) -> None:
    save(asha, begun, answer("1", 3, option="a"))

    problem = save(asha, begun, answer("1", 3, option="b"), answer("2", 4, options=["c"]), status=409)

    assert problem["type"].endswith("sequence-reused")
    assert problem["stored"] == [{"slot": "1", "seq": 3}]
    assert {one["slot"]: one["response"] for one in see(asha, begun)["saved"]} == {
        "1": {"option": "a"},
        "2": {"options": ["c"]},
    }


TYPED = ("$5", "$seed", "$$ROOT", "$", "$answers", "{$literal: 1}", "a.b", "\u00e9\u202e")


def test_what_students_type_is_data(north: Place, asha: Person, db: Any) -> None:
    begun = asha.post(attempts_of(published(db, north.id, ("essay", "cloze"))))

    for seq, typed in enumerate(TYPED):
        save(asha, begun, answer("1", seq, text=typed), answer("2", seq, blanks={"1": typed}))

        kept = [one["response"] for one in see(asha, begun)["saved"]]
        assert kept == [{"text": typed}, {"blanks": {"1": typed}}]


def test_every_type_is_saved_as_it_was_sent(north: Place, asha: Person, db: Any) -> None:
    kinds = tuple(QUESTIONS)
    sent: dict[str, dict[str, Any]] = {
        "single": {"option": "b"},
        "multiple": {"options": ["a", "c"], "certainty": 2},
        "true_false": {"value": False},
        "numeric": {"value": "3.14"},
        "short_text": {"text": "Paris"},
        "matching": {"pairs": {"1": "c"}},
        "ordering": {"order": ["a", "b"]},
        "cloze": {"blanks": {"1": "x", "3": "2"}},
        "essay": {"text": "Once."},
        "code": {"language": "python", "source": "print(1)"},
    }
    begun = asha.post(attempts_of(published(db, north.id, kinds)))

    def said(kind: str, child: str | None = None) -> dict[str, str]:
        return {"file_id": recorded(asha, begun["id"], str(kinds.index(kind) + 1), child)}

    sent["spoken"] = said("spoken")
    sent |= {
        name: {"children": sent | {"spoken": said(name, "spoken")}}
        for name in ("passage_set", "listening_set")
    }

    save(asha, begun, *(answer(str(n), 1, **sent[kind]) for n, kind in enumerate(kinds, 1)))

    assert [one["response"] for one in see(asha, begun)["saved"]] == [sent[kind] for kind in kinds]


WRONG: tuple[tuple[Any, str], ...] = (
    ({}, "/answers"),
    ({"answers": []}, "/answers"),
    ({"answers": [answer("1", 1, option="a")] * 2}, ""),
    ({"answers": [answer("1", n, option="a") for n in range(101)]}, "/answers"),
    ({"answers": [answer("9", 1, option="a")]}, "/answers/0/slot"),
    ({"answers": [answer("$x", 1, option="a")]}, "/answers/0/slot"),
    ({"answers": [answer("1.seq", 1, option="a")]}, "/answers/0/slot"),
    ({"answers": [answer("1", -1, option="a")]}, "/answers/0/seq"),
    ({"answers": [answer("1", 2**53, option="a")]}, "/answers/0/seq"),
    ({"answers": [{"slot": "1", "seq": True, "response": {}}]}, "/answers/0/seq"),
    ({"answers": [{"slot": "1", "seq": "1", "response": {}}]}, "/answers/0/seq"),
    ({"answers": [{"slot": "1", "seq": 1, "response": "a"}]}, "/answers/0/response"),
    ({"answers": [{"slot": "1", "seq": 1}]}, "/answers/0/response"),
    ({"answers": [answer("1", 1, option="z")]}, "/answers/0/response/option"),
    ({"answers": [answer("1", 1, text="a")]}, "/answers/0/response/text"),
    ({"answers": [answer("2", 1, options=["a", "z"])]}, "/answers/0/response/options"),
    ({"answers": [answer("1", 1, option={"$ne": None})]}, "/answers/0/response/option"),
    ({"answers": [answer("3", 1, children={"nobody": {}})]}, "/answers/0/response/children/nobody"),
    (
        {"answers": [answer("3", 1, children={"single": {"$set": 1}})]},
        "/answers/0/response/children/single/$set",
    ),
    ({"answers": [answer("1", 1, option="a")], "more": 1}, "/more"),
)


def test_what_is_no_answer_is_refused_by_its_place(north: Place, asha: Person, db: Any) -> None:
    begun = asha.post(attempts_of(published(db, north.id, ("single", "multiple", "passage_set"))))

    for body, pointer in WRONG:
        problem = asha.put(answers_of(begun["id"]), body, status=422)
        assert pointer in [error["pointer"] for error in problem["errors"]], (body, problem)
    assert see(asha, begun)["saved"] == []


def test_nothing_counts_after_the_deadline_and_its_grace(asha: Person, begun: Any, db: Any) -> None:
    save(asha, begun, answer("1", 1, option="a"))
    end(db, begun, 2)
    save(asha, begun, answer("1", 2, option="b"))
    end(db, begun, 6)

    problem = save(asha, begun, answer("1", 3, option="c"), status=409)

    assert problem["type"].endswith("attempt-closed")
    assert problem["stored"] == [{"slot": "1", "seq": 2}]
    assert do(asha, begun, "events", {"events": []}, status=409)["type"].endswith("attempt-closed")
    assert do(asha, begun, "takeover", status=409)["type"].endswith("attempt-closed")


def test_who_submits_too_late_is_told_what_counts(
    asha: Person, begun: Any, db: Any, runtime: Runtime
) -> None:
    save(asha, begun, answer("1", 1, option="a"))
    end(db, begun, 60)

    late = do(asha, begun, "submit")

    row = db.attempts.find_one()
    assert (late["state"], row["state"], row["closed_by"]) == ("submitted", "submitted", "deadline")
    assert do(asha, begun, "submit") == late
    assert see(asha, begun)["paper"]["sections"] == []


def test_the_sweeper_closes_what_nobody_submitted(
    asha: Person, begun: Any, db: Any, runtime: Runtime
) -> None:
    save(asha, begun, answer("1", 1, option="a"))
    end(db, begun, 4)
    runtime.services.attempt_closing.tick()
    assert db.attempts.find_one()["state"] == "active"
    end(db, begun, 60)

    runtime.services.attempt_closing.tick()

    row = db.attempts.find_one()
    assert (row["state"], row["closed_by"]) == ("submitted", "deadline")


def test_a_second_session_has_to_take_over(
    app: Flask, asha: Person, begun: Any, test_id: str, db: Any
) -> None:
    other = Person(app, asha.username)

    for problem in (
        other.post(attempts_of(test_id), status=409),
        see(other, begun, status=409),
        save(other, begun, answer("1", 1, option="a"), status=409),
        do(other, begun, "submit", status=409),
    ):
        assert problem["type"].endswith("attempt-held-elsewhere")
        assert problem["attempt_id"] == begun["id"]

    taken = do(other, begun, "takeover")
    assert taken["paper"] == begun["paper"]
    save(other, begun, answer("1", 1, option="b"))
    assert save(asha, begun, answer("1", 2, option="a"), status=409)["type"].endswith("held-elsewhere")
    [row] = db.audit.find({"action": "attempt.taken_over"})
    assert (row["actor_id"], row["target"]) == (asha.id, f"attempt:{begun['id']}")
    do(other, begun, "takeover")
    assert db.audit.count_documents({"action": "attempt.taken_over"}) == 1


def test_the_first_session_is_told_of_a_takeover(
    app: Flask, asha: Person, begun: Any, runtime: Runtime
) -> None:
    socket = runtime.socketio.test_client(app, auth={"token": asha.token})

    do(Person(app, asha.username), begun, "takeover")

    told = [one for one in socket.get_received() if one["name"] == "attempt:taken_over"]
    socket.disconnect()
    assert [one["args"][0] for one in told] == [{"attempt_id": begun["id"]}]


def test_attempts_are_their_students_alone(app: Flask, cast: Cast, north: Place, begun: Any, db: Any) -> None:
    others = (sitter(app, north, "21CS002"), sitter(app, place(db, "South"), "21CS003"))
    for person in others:
        for problem in (
            see(person, begun, status=404),
            save(person, begun, answer("1", 1, option="a"), status=404),
            do(person, begun, "submit", status=404),
            do(person, begun, "takeover", status=404),
            do(person, begun, "events", {"events": []}, status=404),
            person.get(f"/student/attempts/{begun['id']}/receipt", status=404),
        ):
            assert problem["type"].endswith("attempt-not-found")
    assert see(cast.superadmin, begun, status=403)["type"].endswith("forbidden")


def test_who_is_not_in_the_audience_finds_no_test(north: Place, asha: Person, db: Any) -> None:
    first, second = north.course_ids
    hidden = [
        published(db, place(db, "South").id),
        published(db, north.id, course_ids=(second,)),
        published(db, north.id, batch_ids=("another",)),
        published(db, north.id, student_ids=("another",)),
        published(db, north.id, state="draft"),
        published(db, north.id, state="cancelled"),
        "nobody's",
    ]

    for test_id in hidden:
        assert asha.post(attempts_of(test_id), status=404)["type"].endswith("assessment-not-found")
    asha.post(attempts_of(published(db, north.id, course_ids=(second, first), student_ids=(asha.id,))))


def test_a_test_is_begun_in_its_window_only(north: Place, asha: Person, db: Any) -> None:
    now, minute = datetime.now(UTC), timedelta(minutes=1)
    early = published(db, north.id, window_start_at=now + minute)
    late = published(db, north.id, window_start_at=now - 2 * minute, window_end_at=now - minute)

    for test_id in (early, late):
        problem = asha.post(attempts_of(test_id), status=409)
        assert problem["type"].endswith("window-not-open")
        assert problem["opens_at"] < problem["closes_at"]


def test_attempts_are_as_many_as_are_allowed(
    north: Place, asha: Person, begun: Any, test_id: str, db: Any
) -> None:
    do(asha, begun, "submit")
    problem = asha.post(attempts_of(test_id), status=409)
    assert (problem["type"], problem["attempt_id"]) == ("/problems/attempts-used-up", begun["id"])
    db.students.update_one({"_id": asha.id}, {"$set": {"accommodations.extra_attempts": 1}})

    assert asha.post(attempts_of(test_id))["number"] == 2


def test_practice_has_no_window_and_no_end_of_attempts(north: Place, asha: Person, db: Any) -> None:
    never: dict[str, Any] = {"window_start_at": None, "window_end_at": None, "attempts_allowed": None}
    test_id = published(db, north.id, kind="practice", module="GRAMMAR", level="BEGINNER", **never)

    for number in (1, 2, 3):
        begun = asha.post(attempts_of(test_id))
        lasts = datetime.fromisoformat(begun["deadline"]) - datetime.fromisoformat(begun["started_at"])
        assert (begun["number"], lasts) == (number, timedelta(hours=1))
        save(asha, begun, answer("1", 1, option="b"))
        assert do(asha, begun, "submit")["result"]["state"] == "scored"


def test_an_overdue_attempt_does_not_hold_up_the_next(north: Place, asha: Person, db: Any) -> None:
    test_id = published(db, north.id, attempts_allowed=2)
    first = asha.post(attempts_of(test_id))
    end(db, first, 60)

    second = asha.post(attempts_of(test_id))

    assert second["number"] == 2
    assert db.attempts.find_one({"_id": first["id"]})["closed_by"] == "deadline"


def test_who_may_not_take_exams_starts_none(cast: Cast, asha: Person, test_id: str) -> None:
    def switch(on: bool) -> None:
        cast.superadmin.patch("/global_settings/features/student", {"features": {"online_tests": on}})

    switch(False)
    assert asha.post(attempts_of(test_id), status=403)["type"].endswith("feature-switched-off")
    switch(True)
    asha.post(attempts_of(test_id))


def test_events_flag_with_the_servers_time(asha: Person, begun: Any, db: Any) -> None:
    told = [{"kind": "focus_lost", "seconds": 7}, {"kind": "paste", "slot": "1"}]

    reply = do(asha, begun, "events", {"events": told}, status=202)

    assert (reply["recorded"], reply["deadline"]) == (2, begun["deadline"])
    rows = list(db.attempt_events.find())
    assert [(row["kind"], row["student_id"]) for row in rows] == [("focus_lost", asha.id), ("paste", asha.id)]
    assert rows[0]["at"] == datetime.fromisoformat(reply["server_time"])
    assert db.attempts.find_one()["flags"] == 2
    for wrong in ({"kind": "sneezed"}, {"kind": "paste", "at": "now"}, {"kind": "paste", "seconds": -1}):
        do(asha, begun, "events", {"events": [wrong]}, status=422)


def test_an_attempt_keeps_a_thousand_events(asha: Person, begun: Any, db: Any) -> None:
    db.attempts.update_one({}, {"$set": {"flags": 999}})

    reply = do(asha, begun, "events", {"events": [{"kind": "paste"}] * 2}, status=202)

    assert (reply["recorded"], db.attempt_events.count_documents({"attempt_id": begun["id"]})) == (1, 1)
    assert db.attempts.find_one()["flags"] == 1001


def test_silence_is_measured(asha: Person, begun: Any, db: Any) -> None:
    def silent(seconds: int) -> int:
        db.attempts.update_one({}, {"$set": {"last_seen_at": datetime.now(UTC) - timedelta(seconds=seconds)}})
        do(asha, begun, "events", {"events": []}, status=202)
        return int(db.attempts.find_one()["gap_seconds"])

    assert silent(30) == 0
    gap = silent(100)
    assert 100 <= gap < 160
    assert silent(30) == gap


def test_a_receipt_proves_what_was_stored(asha: Person, begun: Any) -> None:
    url = f"/student/attempts/{begun['id']}/receipt"
    first = save(asha, begun, answer("1", 1, option="a"))["receipt"]
    second = save(asha, begun, answer("1", 2, option="b"), answer("2", 3, options=["a"]))["receipt"]

    def states(receipt: str) -> list[str]:
        checked = asha.get(url, query_string={"receipt": receipt})["checked"]
        assert checked["valid"]
        return [one["state"] for one in checked["answers"]]

    assert states(first) == ["superseded"]
    assert states(second) == ["stored", "stored"]
    done = do(asha, begun, "submit")["receipt"]
    shown = asha.get(url)
    assert shown["receipt"] == done and states(done) == ["stored"]
    assert [(one["slot"], one["seq"]) for one in shown["answers"]] == [("1", 2), ("2", 3)]
    assert asha.get(url, query_string={"receipt": done[:-1] + "~"})["checked"] == {
        "valid": False,
        "key_id": None,
        "given_at": None,
        "answers": [],
    }


def test_a_save_is_one_command_and_a_start_four(app: Flask, north: Place, asha: Person, db: Any) -> None:
    test_id = published(db, north.id)
    begun = asha.post(attempts_of(test_id))
    asha.get("/auth/me")  # who asks is remembered now, for half a second
    with CommandLog.of_this_thread() as asked:
        save(asha, begun, answer("1", 1, option="a"))

    assert [
        one for one in asked if "sessions" not in one and "users" not in one and "features" not in one
    ] == ["findAndModify attempts"]
    other = sitter(app, north, "21CS009")
    with CommandLog.of_this_thread() as asked:
        other.post(attempts_of(test_id))
    assert sum(one.endswith(("attempts", "tests", "students", "papers")) for one in asked) <= 5
