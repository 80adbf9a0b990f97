"""Published tests and students as rows, for tests that need many of them, or times of their own."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Flask

from main import Runtime
from services.assessments.documents import (
    Assessment,
    AssessmentPaper,
    AssessmentState,
    PinnedSection,
    PinnedSlot,
)
from services.questions.content import contents
from services.questions.documents import AnswerKey
from services.questions.paper import paper_of
from services.students.documents import Student
from tests.cast import Person
from tests.people import Place, grown
from tests.questions import PLACE, QUESTIONS
from utils.decimals import to_stored
from utils.documents import new_id

WAV = bytes.fromhex(
    "524946463400000057415645666d74201000000001000100401f0000803e00000200100064617461100000"
) + bytes(17)  # a millisecond of silence


def written(kind: str) -> Any:
    """Return the content of a question as its author wrote it."""
    sent = {name: part for name, part in QUESTIONS[kind].items() if name not in PLACE}
    return contents.validate_python(sent)


def published(db: Any, campus_id: str, kinds: tuple[str, ...] = ("single", "multiple"), **more: Any) -> str:
    """Store a published online test of one question of each kind, open for an hour; return its id."""
    now = datetime.now(UTC)
    asked = {str(number): written(kind) for number, kind in enumerate(kinds, 1)}
    pinned = [
        PinnedSlot(slot=slot, question_id=slot, version_id=f"{new_id()}:1", type=one.type, mark=one.mark)
        for slot, one in asked.items()
    ]
    facts = {
        "name": "Spring exam",
        "kind": "online",
        "window_start_at": now - timedelta(minutes=1),
        "window_end_at": now + timedelta(hours=1),
        "duration_minutes": 60,
        "blueprint": (PinnedSection(title="One", slots=tuple(pinned)),),
        "state": AssessmentState.PUBLISHED,
        "created_by": new_id(),
        "created_at": now,
        "updated_at": now,
    }
    test = Assessment(campus_id=campus_id, **facts | more)
    db.tests.insert_one(test.to_mongo())
    for pin in pinned:
        content = to_stored(asked[pin.slot].model_dump())
        key = AnswerKey(id=pin.version_id, campus_id=campus_id, question_id=pin.slot, content=content)
        db.answer_keys.insert_one(key.to_mongo())
    slots = [{"slot": slot, **paper_of(one).model_dump(mode="json")} for slot, one in asked.items()]
    paper = AssessmentPaper(id=test.id, campus_id=campus_id, sections=({"title": "One", "slots": slots},))
    db.test_papers.insert_one(paper.to_mongo())
    return test.id


def recorded(person: Person, attempt_id: str, slot: str, child: str | None = None) -> str:
    """Record something for a question, as clients do, and return the file's id."""
    wanted = {"slot": slot, "child": child, "content_type": "audio/wav", "size": len(WAV)}
    made = person.post(f"/student/attempts/{attempt_id}/recordings", wanted)
    path = urlsplit(made["upload"]["url"])
    sent = person.http.put(f"{path.path}?{path.query}", data=WAV, headers=made["upload"]["headers"])
    assert sent.status_code == 204, sent.get_json()
    return str(person.post(f"/student/recordings/{made['file']['id']}/complete", status=202)["id"])


def sitter(app: Flask, place: Place, roll_number: str) -> Person:
    """Return a student of a place's first course who has logged in."""
    runtime: Runtime = app.extensions["versant"]
    username, now = roll_number.lower(), datetime.now(UTC)
    user = grown(runtime, username, campus_id=place.id)
    student = Student(
        id=user.id,
        campus_id=place.id,
        batch_id="batch",
        course_ids=place.course_ids[:1],
        instance_ids=(),
        roll_number=roll_number,
        username=username,
        name=user.name,
        name_key=username,
        created_at=now,
        updated_at=now,
    )
    runtime.store.db.students.insert_one(student.to_mongo(), comment="a test")
    return Person(app, username)


def attempts_of(test_id: str) -> str:
    """Return where attempts at a test begin."""
    return f"/student/tests/{test_id}/attempts"


def answers_of(attempt_id: str) -> str:
    """Return where answers of an attempt are saved."""
    return f"/student/attempts/{attempt_id}/answers"


def answer(slot: str, seq: int, **response: Any) -> dict[str, Any]:
    """Return one answer as clients send it."""
    return {"slot": slot, "seq": seq, "response": response}


def sit(person: Person, test_id: str, **response: Any) -> str:
    """Begin an attempt, answer the first slot, report an event; return the attempt's id."""
    attempt_id = str(person.post(attempts_of(test_id))["id"])
    person.put(answers_of(attempt_id), {"answers": [answer("1", 1, **response)]})
    person.post(f"/student/attempts/{attempt_id}/events", {"events": [{"kind": "paste"}]}, status=202)
    return attempt_id
