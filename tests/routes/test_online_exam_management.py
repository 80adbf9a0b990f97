"""The exam room: how everybody stands, more time for many at once, the end, a device that died."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from services.attempts.deadline import deadline
from services.attempts.documents import ATTEMPTS, Attempt
from tests.cast import Campus, Cast, Person
from tests.clients import every, pointers
from tests.exams import exam, exercise, plan
from tests.waiting import until
from utils.documents import new_id

ROOM = "/online_exam_management/tests"
WHY = {"reason": "A power cut in hall 2"}


def pupils(campus: Campus, count: int, **more: Any) -> list[str]:
    """Enrol students who need not log in; return their ids."""
    wanted = {"batch_id": campus.batch_id, "course_ids": [campus.course_ids[0]], **more}
    return [
        campus.admin.post(
            "/student_management/students",
            {"name": f"Student {number}", "roll_number": f"R{new_id()[-6:]}{number}", **wanted},
        )["id"]
        for number in range(count)
    ]


def sit(db: Any, test: Any, student_id: str, *, ago: float = 60, **more: Any) -> Attempt:
    """Store an attempt that began ``ago`` seconds ago."""
    started = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=ago)
    student = db.students.find_one({"_id": student_id})
    facts: dict[str, Any] = {
        "duration_seconds": test["duration_minutes"] * 60,
        "window_end_at": datetime.fromisoformat(test["window_end_at"]),
        **{name: more[name] for name in ("time_percent", "granted_seconds") if name in more},
    }
    whole = {
        "campus_id": test["campus_id"],
        "batch_id": student["batch_id"],
        "test_id": test["id"],
        "student_id": student_id,
        "number": 1,
        "kind": "online",
        "seed": new_id(),
        "started_at": started,
        "deadline_at": deadline(started, **facts),
        "session_id": "a session",
        "last_seen_at": datetime.now(UTC),
    }
    attempt = Attempt(**whole | facts | more)
    db[ATTEMPTS].insert_one(attempt.to_mongo())
    return attempt


def stored(db: Any, attempt: Attempt) -> Attempt:
    return Attempt.from_mongo(db[ATTEMPTS].find_one({"_id": attempt.id}))


def order(person: Person, test: Any, what: str, body: Mapping[str, Any], status: int = 202) -> Any:
    return person.post(f"{ROOM}/{test['id']}/{what}", {**WHY, **body}, status=status)


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def heard(client: Any, event: str, wanted: Callable[[Any], bool]) -> Any:
    """Return the first of the events of a name that is as wanted, as soon as it comes."""
    every: list[Any] = []

    def found() -> list[Any]:
        every.extend(client.get_received())
        return [said["args"][0] for said in every if said["name"] == event and wanted(said["args"][0])]

    return until(found, event, seen=lambda: every[-5:])[0]


def moved(db: Any, attempt: Attempt) -> float:
    """Return by how many seconds an attempt ends later than it did."""
    return (stored(db, attempt).deadline_at - attempt.deadline_at).total_seconds()


def test_the_room_counts_where_everybody_stands(cast: Cast, db: Any) -> None:
    test, admin = exam(cast.north), cast.north.admin
    ids = pupils(cast.north, 6)
    now = datetime.now(UTC)
    fresh = {"1": {"seq": 1, "response": {}, "at": now}}
    sit(db, test, ids[1], ago=600, answers=fresh)
    sit(db, test, ids[2], ago=600)
    sit(db, test, ids[3], last_seen_at=now - timedelta(seconds=300))
    sit(db, test, ids[4], state="submitted", submitted_at=now, closed_by="student")
    sit(db, test, ids[5])

    status = admin.get(f"{ROOM}/{test['id']}/status")
    people = {one["student_id"]: one for one in every(admin, f"{ROOM}/{test['id']}/students")}

    counts = {"not_started": 1, "active": 2, "idle": 1, "disconnected": 1, "submitted": 1}
    assert (status["counts"], status["total"], status["state"]) == (counts, 6, "open")
    standings = ["not_started", "active", "idle", "disconnected", "submitted", "active"]
    assert [people[student_id]["standing"] for student_id in ids] == standings
    assert (people[ids[1]]["answered"], people[ids[0]]["attempt_id"]) == (1, None)
    for name, many in counts.items():
        assert len(every(admin, f"{ROOM}/{test['id']}/students", standing=name)) == many


def test_the_audience_is_who_is_enrolled_now(cast: Cast) -> None:
    admin = cast.north.admin
    test = exam(cast.north, course_ids=[cast.north.course_ids[1]])
    pupils(cast.north, 1)
    [late] = pupils(cast.north, 1, course_ids=[cast.north.course_ids[1]])

    assert [one["student_id"] for one in every(admin, f"{ROOM}/{test['id']}/students")] == [late]
    assert admin.get(f"{ROOM}/{test['id']}/status")["total"] == 1


def test_more_minutes_reach_everybody_who_sits_once(cast: Cast, db: Any, at_rest: Any) -> None:
    test = exam(cast.north)
    one, two, done = pupils(cast.north, 3)
    attempts = [sit(db, test, one), sit(db, test, two, time_percent=150)]
    over = sit(db, test, done, state="submitted")

    made = order(cast.north.admin, test, "extend", {"minutes": 10})
    at_rest()

    assert [moved(db, attempt) for attempt in attempts] == [600, 600]
    assert moved(db, over) == 0
    [shown] = cast.north.admin.get(f"{ROOM}/{test['id']}/orders")["items"]
    assert shown == {**made, "reached": 2}
    assert db.audit.count_documents({"action": "exam.extend", "detail.order_id": made["id"]}) == 1


def test_an_order_that_is_carried_out_again_gives_nothing_more(
    cast: Cast, db: Any, runtime: Any, at_rest: Any
) -> None:
    test = exam(cast.north)
    attempt = sit(db, test, pupils(cast.north, 1)[0])
    made = order(cast.north.admin, test, "extend", {"minutes": 10})
    at_rest()
    db.exam_orders.update_one({"_id": made["id"]}, {"$set": {"reached": None}})

    args = {"order_id": made["id"], "campus_id": test["campus_id"]}
    runtime.engine.submit("exam_room.order", args, queue="exams", key="once more")
    at_rest()

    assert moved(db, attempt) == 600
    assert stored(db, attempt).granted_seconds == 600


def test_only_the_named_are_reached(cast: Cast, db: Any, at_rest: Any) -> None:
    test, north = exam(cast.north), cast.north
    other = north.admin.post(
        "/batch_management/batches",
        {"campus_id": north.id, "name": "Hall 2", "course_ids": list(north.course_ids)},
    )["id"]
    here, there = sit(db, test, pupils(north, 1)[0]), sit(db, test, pupils(north, 1, batch_id=other)[0])

    order(north.admin, test, "extend", {"minutes": 5, "batch_ids": [other]})
    at_rest()
    order(north.admin, test, "extend", {"minutes": 1, "student_ids": [here.student_id]})
    at_rest()

    assert (moved(db, here), moved(db, there)) == (60, 300)


def test_gaps_are_given_back_once_and_up_to_a_limit(cast: Cast, db: Any, at_rest: Any) -> None:
    test = exam(cast.north)
    one, two = pupils(cast.north, 2)
    short, long = sit(db, test, one, gap_seconds=200), sit(db, test, two, gap_seconds=2000)

    order(cast.north.admin, test, "compensate", {"most_minutes": 10})
    at_rest()
    assert (moved(db, short), moved(db, long)) == (200, 600)

    order(cast.north.admin, test, "compensate", {})
    at_rest()
    assert (moved(db, short), moved(db, long)) == (200, 2000)

    order(cast.north.admin, test, "compensate", {"minutes": 1})
    at_rest()
    assert (moved(db, short), moved(db, long)) == (260, 2060)


def test_a_changed_window_and_duration_reach_those_who_sit(cast: Cast, db: Any, at_rest: Any) -> None:
    test, admin = exam(cast.north), cast.north.admin
    one, two, three = pupils(cast.north, 3)
    plain, slow = sit(db, test, one), sit(db, test, two, time_percent=150, granted_seconds=60)

    changed = admin.patch(f"/test_management/tests/{test['id']}", {"duration_minutes": 30})
    late = sit(db, test, three)  # had read the test before it was changed
    at_rest()

    assert (moved(db, plain), stored(db, plain).duration_seconds) == (-1800, 1800)
    for attempt in (plain, slow, late):
        now = stored(db, attempt)
        assert now.deadline_at == deadline(
            now.started_at,
            duration_seconds=1800,
            time_percent=now.time_percent,
            granted_seconds=now.granted_seconds,
            window_end_at=datetime.fromisoformat(changed["window_end_at"]),
        )


WRONG: Final[list[tuple[str, dict[str, Any], str]]] = [
    ("extend", {}, "/minutes"),
    ("extend", {"minutes": 0}, "/minutes"),
    ("extend", {"minutes": 601}, "/minutes"),
    ("extend", {"minutes": 5, "reason": " "}, "/reason"),
    ("extend", {"minutes": 5, "deadline": "never"}, "/deadline"),
    ("compensate", {"minutes": -1}, "/minutes"),
    ("compensate", {"most_minutes": 0}, "/most_minutes"),
    ("close", {"student_ids": "all"}, "/student_ids"),
    ("close", {"batch_ids": ["0" * 24]}, "/batch_ids"),
    ("close", {"student_ids": ["0" * 24]}, "/student_ids"),
]


def test_a_wrong_order_names_the_field(cast: Cast, db: Any) -> None:
    test = exam(cast.north)

    for what, body, pointer in WRONG:
        assert pointers(order(cast.north.admin, test, what, body, status=422)) == [pointer], (what, body)
    assert db.exam_orders.count_documents({}) == 0


def test_nobody_of_another_campus_is_ordered_about(cast: Cast) -> None:
    test, stranger = exam(cast.north), pupils(cast.south, 1)[0]

    refused = order(cast.north.admin, test, "extend", {"minutes": 5, "student_ids": [stranger]}, status=422)
    assert pointers(refused) == ["/student_ids"]
    assert order(cast.south.admin, test, "extend", {"minutes": 5}, status=404)["title"] == "No such test"


def test_a_draft_and_practice_have_no_exam_room(cast: Cast) -> None:
    admin = cast.north.admin
    draft = admin.post("/test_management/tests", plan(cast.north, []))

    for test in (draft, exercise(cast.north)):
        assert admin.get(f"{ROOM}/{test['id']}/status", status=409)["type"].endswith("/exam-not-running")


def test_a_course_admin_directs_only_exams_of_their_own_courses(cast: Cast) -> None:
    north = cast.north
    mine = cast.admin("cse.admin", "course_admin", north.id, course_ids=[north.course_ids[0]])
    both, own = (exam(north, course_ids=list(ids)) for ids in (north.course_ids, north.course_ids[:1]))

    assert order(mine, both, "extend", {"minutes": 5}, status=403)["type"].endswith("/not-only-yours")
    assert order(mine, own, "extend", {"minutes": 5})["kind"] == "extend"
    mine.get(f"{ROOM}/{exam(north)['id']}/status", status=404)


def test_an_order_with_a_key_is_given_once(cast: Cast, db: Any, at_rest: Any) -> None:
    test = exam(cast.north)
    attempt = sit(db, test, pupils(cast.north, 1)[0])
    path, body = f"{ROOM}/{test['id']}/extend", {**WHY, "minutes": 10}

    made = [
        cast.north.admin.post(path, body, status=202, headers={"Idempotency-Key": "k"})["id"] for _ in "12"
    ]
    at_rest()

    assert len(set(made)) == 1
    assert moved(db, attempt) == 600


def test_the_end_closes_who_sits_and_nobody_else(cast: Cast, db: Any, at_rest: Any) -> None:
    test = exam(cast.north)
    one, two, done = pupils(cast.north, 3)
    named, other = sit(db, test, one), sit(db, test, two)
    before = sit(db, test, done, state="submitted", closed_by="student", submitted_at=datetime.now(UTC))

    made = order(cast.north.admin, test, "close", {"student_ids": [one, done]})
    at_rest()

    assert (stored(db, named).state, stored(db, named).closed_by) == ("submitted", "room")
    assert (stored(db, other).state, stored(db, before).closed_by) == ("active", "student")
    [shown] = cast.north.admin.get(f"{ROOM}/{test['id']}/orders")["items"]
    assert (shown["id"], shown["reached"]) == (made["id"], 1)


def test_whoever_watches_is_told_and_so_is_the_student(
    cast: Cast, app: Any, runtime: Any, at_rest: Any
) -> None:
    student, test = cast.student(cast.north, "LIVE1"), exam(cast.north, ("single",))
    room, own = (
        runtime.socketio.test_client(app, auth={"token": person.token})
        for person in (cast.north.admin, student)
    )
    ack = room.emit("watch", {"test_id": test["id"]}, callback=True)
    assert (ack["watching"], ack["test"]["counts"]["not_started"]) == (test["id"], 1)
    assert own.emit("watch", {"test_id": test["id"]}, callback=True)["status"] == 403

    attempt = student.post(f"/student/tests/{test['id']}/attempts")
    told = heard(room, "exam:status", lambda said: said["counts"]["active"] == 1)
    assert (told["id"], told["total"]) == (test["id"], 1)

    order(cast.north.admin, test, "extend", {"minutes": 10})
    hint = heard(own, "attempt:deadline", lambda _: True)
    answer = {"slot": "1", "seq": 1, "response": {}}
    ack = student.put(f"/student/attempts/{attempt['id']}/answers", {"answers": [answer]})
    assert (hint["attempt_id"], when(hint["deadline"])) == (attempt["id"], when(ack["deadline"]))
    assert when(ack["deadline"]) - when(attempt["deadline"]) == timedelta(minutes=10)

    cast.north.admin.post(f"{ROOM}/{test['id']}/students/{student.id}/takeover", status=200)
    assert heard(own, "attempt:taken_over", lambda _: True) == {"attempt_id": attempt["id"]}
    path = f"/student/attempts/{attempt['id']}"
    assert student.get(path, status=409)["type"].endswith("/attempt-held-elsewhere")
    assert student.post(f"{path}/takeover", status=200)["id"] == attempt["id"]
    for client in (room, own):
        client.disconnect()


def test_whoever_does_not_sit_has_nothing_to_release(cast: Cast, db: Any) -> None:
    test, admin = exam(cast.north), cast.north.admin
    [waiting] = pupils(cast.north, 1)
    path = f"{ROOM}/{test['id']}/students/{waiting}/takeover"

    assert admin.post(path, status=404)["type"].endswith("/nobody-sits")
    attempt = sit(db, test, waiting)
    assert admin.post(path, status=200) == {"attempt_id": attempt.id}
    assert stored(db, attempt).session_id == ""


@pytest.mark.usefixtures("long_waits")
def test_a_login_that_is_kept_out_is_let_in_again(cast: Cast, app: Any) -> None:
    student, test = cast.student(cast.north, "LOCKED1"), exam(cast.north)
    client = app.test_client()
    door = {"username": student.username, "password": "wrong wrong wrong 1"}
    statuses = [client.post("/auth/login", json=door).status_code for _ in range(7)]
    assert statuses[-1] == 429

    cast.north.admin.post(f"{ROOM}/{test['id']}/students/{student.id}/unlock", status=204)

    assert client.post("/auth/login", json={**door, "password": student.password}).status_code == 200
