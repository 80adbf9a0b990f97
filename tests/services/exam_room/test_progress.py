"""Of all processes whose sockets watch an exam one looks at a time, and says what has changed."""

from typing import Any

from pydantic import BaseModel

from main import Runtime
from services.assessments.repository import AssessmentRepository
from services.exam_room.progress import REPEAT_SECONDS, ExamAnnouncer
from services.exam_room.repository import TurnRepository
from services.exam_room.schemas import ExamStatus
from tests.cast import Cast
from tests.exams import exam


class Heard:
    """A ProgressFeed that keeps what was said."""

    def __init__(self) -> None:
        self.said: list[ExamStatus] = []

    def publish(self, room: str, event: str, payload: BaseModel) -> None:
        assert event == "exam:status"
        assert isinstance(payload, ExamStatus)
        assert room == f"exam:{payload.id}"
        self.said.append(payload)


def a_second_later(db: Any, test_id: str) -> None:
    """Let the last look be long ago, and what was said be said within these ten seconds."""
    row = db.exam_turns.find_one({"_id": test_id})
    db.exam_turns.update_one({"_id": test_id}, {"$set": {"at": row["at"].replace(year=2020)}})


def test_one_process_looks_at_a_time_and_says_only_what_is_new(cast: Cast, runtime: Runtime, db: Any) -> None:
    test_id, heard = exam(cast.north)["id"], Heard()
    room, tests = runtime.services.exam_room, AssessmentRepository(runtime.store)
    here, there = (ExamAnnouncer(room, tests, TurnRepository(runtime.store), heard) for _ in "ab")

    here.look({test_id})
    there.look({test_id})
    assert [said.total for said in heard.said] == [0]

    for announcer in (there, here, there):
        a_second_later(db, test_id)
        announcer.look({test_id})
    told = [int(said.server_time.timestamp()) // REPEAT_SECONDS for said in heard.said]
    assert len(told) == len(set(told))

    cast.student(cast.north, "LATE1")
    a_second_later(db, test_id)
    there.look({test_id})
    assert heard.said[-1].total == 1


def test_a_test_that_is_gone_is_no_news(runtime: Runtime) -> None:
    heard = Heard()
    tests = AssessmentRepository(runtime.store)
    ExamAnnouncer(runtime.services.exam_room, tests, TurnRepository(runtime.store), heard).look({"0" * 24})

    assert heard.said == []
