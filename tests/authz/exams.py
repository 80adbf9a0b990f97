"""Exams of the world: in each place an attempt at the test that is published there."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt

from services.attempts.documents import Attempt, AttemptEvent, EventKind, Saved
from services.exam_room.documents import ExamOrder, OrderKind
from services.files.documents import FileState, StoredFile
from services.files.kinds import Purpose
from tests.authz.actors import Actor
from tests.authz.world import Kind, World, word

STARTED: Final = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)


def hold_exams(world: World, students: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]) -> None:
    """Let the first student of each place have begun an attempt at its published test."""
    for (campus, course), present in students.items():
        named = {"campus_id": world.campus_ids[campus], "name": f"Test {word(campus, course)}"}
        test = world.db.tests.find_one({**named, "state": "published"})
        place = {name: test[name] for name in ("campus_id", "course_ids")} | {"test_id": test["_id"]}
        student_id = present[0]["id"]
        attempt = Attempt(
            **place,
            batch_id=present[0]["batch_id"],
            student_id=student_id,
            number=1,
            kind="online",
            seed="seed",
            started_at=STARTED,
            duration_seconds=3600,
            deadline_at=STARTED + timedelta(hours=1),
            session_id="",
            last_seen_at=STARTED,
            answers={"1": Saved(seq=0, response={"option": "b"}, at=STARTED)},
        )
        event = AttemptEvent(
            **place, attempt_id=attempt.id, student_id=student_id, kind=EventKind.PASTE, at=STARTED
        )
        world.db.attempts.insert_one(attempt.to_mongo())
        world.db.attempt_events.insert_one(event.to_mongo())
        order = ExamOrder(
            **place,
            kind=OrderKind.EXTEND,
            seconds=300,
            reason=f"a power cut at {word(campus, course)}",
            ordered_by=student_id,
            at=STARTED,
            reached=1,
        )
        world.db.exam_orders.insert_one(order.to_mongo())
        world.stands(Kind.ATTEMPT, campus, course, attempt.id)
        said = StoredFile(
            campus_id=place["campus_id"],
            purpose=Purpose.RECORDING,
            name=f"answer of {word(campus, course)}",
            content_type="audio/wav",
            size=44,
            key=f"files/{place['campus_id']}/{attempt.id}",
            state=FileState.STORED,
            student_id=student_id,
            attempt_id=attempt.id,
            slot="2",
            created_by=student_id,
            created_at=STARTED,
            updated_at=STARTED,
        )
        world.db.files.insert_one(said.to_mongo())
        world.stands(Kind.RECORDING, campus, course, said.id)


def hold_attempts(world: World, proofs: Mapping[str, str], actors: Sequence[Actor]) -> None:
    """Let every attempt go on in the session in which its student walks."""
    for actor in actors:
        if actor.gets_in:
            token = proofs[actor.name].removeprefix("Bearer ")
            claims = jwt.decode(token, options={"verify_signature": False})
            held = {"$set": {"session_id": claims["sid"]}}
            world.db.attempts.update_many({"student_id": claims["sub"]}, held)
