"""No byte that a student receives holds a key, or differs by a score that is not released."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest
from bson import Decimal128
from flask import Flask

from main import Runtime
from services.results.documents import MARKING_TASKS, TEST_RESULTS
from services.results.marking import Marks
from services.results.repository import ResultRepository, TaskRepository
from tests.cast import PASSWORD, Cast, Person
from tests.exams import ask, exam, practice, publish
from tests.questions import CANARY, QUESTIONS
from tests.services.questions.test_projections import SECRET_NAMES, names
from tests.sitting import recorded
from utils.documents import new_id
from utils.scope import Scope

# What a student may answer without typing anything that only authors know.
ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "single": {"option": "b"},
    "multiple": {"options": ["a", "c"]},
    "true_false": {"value": True},
    "numeric": {"value": "3"},
    "short_text": {"text": "y"},
    "matching": {"pairs": {"1": "c", "2": "b"}},
    "ordering": {"order": ["c", "a", "d", "b"]},
    "cloze": {"blanks": {"1": "x", "2": "7", "3": "2"}},
    "essay": {"text": "Some words."},
    "spoken": {},
    "code": {"language": "python", "source": "print(1)"},
}
CHILDREN: Final = {"children": ANSWERS}
# Numbers that only keys, fractions, tolerances, bounds and cases hold.
NUMBERS: Final = (
    *("987654.321", "987650", "987660.123", "0.51234", "0.48766", "0.77777", "0.66666"),
    *("0.31415", "0.87654", "1.2345", "54321"),
)
KINDS: Final = tuple(QUESTIONS)
GIVEN: Final = [ANSWERS.get(kind, CHILDREN) for kind in KINDS]
STRANGE: Final = [
    {"option": "zz"},
    {"value": {}},
    {"blanks": {"9": "x"}},
    {"children": {"single": {"option": "zz"}}},
]
# What is different each time: moments, the ids of requests, and receipts of attempts that go on.
MOMENTS: Final = re.compile(
    rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)?|[0-9a-f]{8}-[0-9a-f-]{27}|~\d{13}~[^\"]+"
    rb"|Content-Length: \d+"  # a moment at a whole second is shorter
)
OF_THE_PROCESS: Final = ("/metrics", "/health", "/static")  # how it does, not what it holds
PLACES: Final = re.compile(r"<(?:\w+:)?(\w+)>")
AGAIN: Final = ("x-request-id", "date", "set-cookie")


class Ear:
    """Hears everything that one student receives: replies with their headers, and what the socket brings."""

    def __init__(self, app: Flask, runtime: Runtime, person: Person) -> None:
        self.person, self._app = person, app
        self.heard: list[tuple[str, bytes]] = []
        self._open = person.http.open
        person.http.open = self._listen  # type: ignore[method-assign]
        self.socket = runtime.socketio.test_client(app, auth={"token": person.token})

    def _listen(self, *args: Any, **options: Any) -> Any:
        reply = self._open(*args, **options)
        head = "\n".join(f"{name}: {value}" for name, value in reply.headers if name.lower() not in AGAIN)
        self.heard.append((str(args[0]), f"{reply.status}\n{head}\n\n".encode() + reply.get_data()))
        return reply

    def take(self) -> list[tuple[str, bytes]]:
        """Return what was heard since the last time."""
        events = json.dumps(self.socket.get_received()).encode()
        heard, self.heard = [*self.heard, ("socket", events)], []
        return heard

    def look_everywhere(self, known: dict[str, str]) -> None:
        """Ask for whatever can be asked for, with the ids that the student knows."""
        named = {"version": "1"} | known
        for rule in sorted(self._app.url_map.iter_rules(), key=str):
            if "GET" in (rule.methods or ()) and not rule.rule.startswith(OF_THE_PROCESS):
                self.person.http.get(
                    PLACES.sub(lambda place: named.get(place[1], named["question_id"]), rule.rule)
                )
        for room in ("test_id", "attempt_id", "job_id", "import_id"):
            self.socket.emit("watch", {room: known.get(room, known["test_id"])}, callback=True)


@pytest.fixture
def listen(app: Flask, runtime: Runtime) -> Iterator[Callable[[Person], Ear]]:
    made: list[Ear] = []

    def ear(person: Person) -> Ear:
        made.append(Ear(app, runtime, person))
        return made[-1]

    yield ear
    for one in made:
        if one.socket.is_connected():
            one.socket.disconnect()


def leaks(heard: list[tuple[str, bytes]], secrets: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return what was heard of secrets; a number counts where it stands by itself, not within an id."""
    patterns = {secret: rf"(?<![\w.]){re.escape(secret)}(?!\w)" for secret in secrets if secret[0].isdigit()}
    return [
        (path, secret)
        for path, reply in heard
        for secret in secrets
        if re.search(patterns.get(secret, re.escape(secret)).encode(), reply)
    ]


def said(ear: Ear, attempt_id: str, kind: str, slot: str, response: dict[str, Any]) -> dict[str, Any]:
    """Return a response that names recordings of this attempt, each sent, read and linked to."""
    if kind == "spoken":
        return {"file_id": recording(ear, attempt_id, slot)}
    if "children" in response:
        spoken = {"file_id": recording(ear, attempt_id, slot, "spoken")}
        return {"children": response["children"] | {"spoken": spoken}}
    return response


def recording(ear: Ear, attempt_id: str, slot: str, child: str | None = None) -> str:
    file_id = recorded(ear.person, attempt_id, slot, child)
    ear.person.http.get(f"/student/recordings/{file_id}")
    ear.person.http.get(f"/student/recordings/{file_id}/link")
    return file_id


def sit(ear: Ear, test_id: str) -> Any:
    """Begin, answer everything well and badly, report, take over, and return the attempt."""
    person = ear.person
    attempt = person.post(f"/student/tests/{test_id}/attempts")
    path = f"/student/attempts/{attempt['id']}"
    answers = [
        {"slot": str(n), "seq": n, "response": said(ear, attempt["id"], kind, str(n), one)}
        for n, (kind, one) in enumerate(zip(KINDS, GIVEN, strict=True), 1)
    ]
    person.put(f"{path}/answers", {"answers": answers})
    for number, strange in enumerate(STRANGE):
        body = {"answers": [{"slot": str(slot), "seq": 99, "response": strange} for slot in (number + 1, 99)]}
        person.http.put(f"{path}/answers", json=body)
    person.http.post(f"{path}/events", json={"events": [{"kind": "focus_lost"}]})
    person.http.post(f"{path}/plays", json={"slot": str(KINDS.index("listening_set") + 1)})
    person.http.post(f"{path}/takeover")
    person.http.post(f"{path}/check", json={"slot": "1"})
    person.http.post(f"{path}/check", json={"slots": ["1"]})
    return attempt


def test_no_byte_holds_what_only_authors_know_before_during_or_after_an_exam(
    app: Flask, cast: Cast, listen: Any, at_rest: Any, db: Any
) -> None:
    secrets = (CANARY, *NUMBERS)
    student = cast.student(cast.north, "21CS001")
    test = exam(cast.north, KINDS)
    question = db.tests.find_one({"_id": test["id"]})["blueprint"][0]["slots"][0]
    ear = listen(student)
    known = {
        "test_id": test["id"],
        "question_id": question["question_id"],
        "version_id": question["version_id"],
    }

    ear.look_everywhere(known)
    before = ear.take()
    attempt = sit(ear, test["id"])
    known["attempt_id"] = attempt["id"]
    ear.look_everywhere(known)
    during = ear.take()
    student.post(f"/student/attempts/{attempt['id']}/submit", status=200)
    at_rest()
    student.post(f"/student/attempts/{attempt['id']}/submit", status=200)
    ear.look_everywhere(known)
    sit_again = student.http.post(f"/student/tests/{test['id']}/attempts")
    after = ear.take()

    assert sit_again.status_code == 409
    assert leaks(before + during + after, secrets) == []
    assert len(before) > 30 and len(during) > len(before)
    assert SECRET_NAMES.isdisjoint(names(attempt["paper"]))
    assert all(slot["type"] in KINDS for section in attempt["paper"]["sections"] for slot in section["slots"])
    assert db[TEST_RESULTS].find_one({"_id": attempt["id"]}) and db[MARKING_TASKS].find_one()
    assert leaks([("of its author", json.dumps(author(cast, question)).encode())], (CANARY,)) != []


def author(cast: Cast, question: Any) -> Any:
    """Return what the author sees of a question: the canaries are there to be found."""
    return cast.north.admin.get(f"/question_bank/questions/{question['question_id']}")


@pytest.mark.parametrize("feedback", ["each", "none"])
def test_practice_without_feedback_shows_no_key_and_no_practice_a_hidden_case(
    cast: Cast, listen: Any, at_rest: Any, db: Any, feedback: str
) -> None:
    student = cast.student(cast.north, "21CS001")
    test = publish(cast.north.admin, practice(cast.north, ask(cast.north.admin, KINDS)))
    db.tests.update_one({"_id": test["id"]}, {"$set": {"feedback": feedback}})
    ear = listen(student)

    attempt = sit(ear, test["id"])
    open_now = ear.take()
    done = student.post(f"/student/attempts/{attempt['id']}/submit", status=200)
    at_rest()
    known = {"test_id": test["id"], "attempt_id": attempt["id"], "question_id": new_id()}
    ear.look_everywhere(known)
    closed = ear.take()

    hidden = (f"{CANARY}input", f"{CANARY}output", "54321", f"{CANARY}script")
    assert leaks(open_now + closed, hidden) == []
    if feedback == "none":
        assert leaks(open_now + closed, (CANARY, *NUMBERS)) == [] and done["result"]["items"] == []


def steady(heard: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return [(path, MOMENTS.sub(b"", reply)) for path, reply in heard]


def seen(ear: Ear, known: dict[str, str]) -> list[tuple[str, bytes]]:
    """Return all that a student can see, in the order in which it was asked for."""
    ear.look_everywhere(known)
    ear.person.http.post(f"/student/attempts/{known['attempt_id']}/submit")
    ear.person.http.post(f"/student/tests/{known['test_id']}/attempts")
    return steady(ear.take())


def test_two_worlds_that_differ_in_an_unreleased_score_look_the_same_to_every_student(
    app: Flask, cast: Cast, runtime: Runtime, listen: Any, at_rest: Any, db: Any
) -> None:
    own, peer = (cast.student(cast.north, roll) for roll in ("21CS001", "21CS002"))
    foreign = cast.student(cast.south, "21CS003")
    test = exam(cast.north, KINDS)
    attempt = sit(listen(own), test["id"])
    own.post(f"/student/attempts/{attempt['id']}/submit", status=200)
    at_rest()
    ears = [listen(Person(app, one.username, PASSWORD)) for one in (own, peer, foreign)]
    known = {"test_id": test["id"], "attempt_id": attempt["id"], "question_id": new_id()}
    for ear in ears:
        seen(ear, known)  # what is noted at a first look is noted
    one_world = [seen(ear, known) for ear in ears]
    same_world = [seen(ear, known) for ear in ears]
    assert differing(one_world, same_world) == []

    mark_everything(runtime, db, attempt["id"])

    other_world = [seen(ear, known) for ear in ears]
    assert differing(one_world, other_world) == []
    assert leaks([reply for world in other_world for reply in world], ("7.7777",)) == []
    db[TEST_RESULTS].update_one({"_id": attempt["id"]}, {"$set": {"released_at": datetime.now(UTC)}})
    assert leaks(seen(ears[0], known), ("7.7777",)) != []  # it would have been heard
    assert leaks(seen(ears[1], known) + seen(ears[2], known), ("7.7777",)) == []


def differing(
    one: list[list[tuple[str, bytes]]], other: list[list[tuple[str, bytes]]]
) -> list[tuple[str, bytes, bytes]]:
    pairs = [both for worlds in zip(one, other, strict=True) for both in zip(*worlds, strict=True)]
    return [(path, was[-600:], now[-600:]) for (path, was), (_, now) in pairs if was != now]


def mark_everything(runtime: Runtime, db: Any, attempt_id: str) -> None:
    """Let everything that waits be marked, and then the score be another one altogether."""
    campus_id = db[TEST_RESULTS].find_one({"_id": attempt_id})["campus_id"]
    scope, tasks = Scope.campus(campus_id), TaskRepository(runtime.store)
    marks = Marks(ResultRepository(runtime.store), tasks, runtime.store, runtime.audits.service)
    waiting = [task for task in tasks.of_attempt(scope, attempt_id) if task.state == "open"]
    assert waiting
    for task in waiting:
        assert marks.put(task, Decimal("0.77777"), "somebody")
    assert db[TEST_RESULTS].find_one({"_id": attempt_id})["state"] == "scored"
    db[TEST_RESULTS].update_one(
        {"_id": attempt_id}, {"$set": {"score": Decimal128("7.7777"), "items.0.mark": Decimal128("7.7777")}}
    )


def test_what_is_looked_for_would_be_found() -> None:
    written = json.dumps(QUESTIONS).encode()

    assert [number for number in (CANARY, *NUMBERS) if not leaks([("", written)], (number,))] == []
    assert leaks([("", b'{"id": "a54321f", "at": "12:00:01.254321Z"}')], NUMBERS) == []
