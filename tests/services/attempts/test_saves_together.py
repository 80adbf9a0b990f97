"""Saves that go together: each keeps its own filter and gets its own answer, whatever the others are."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event
from typing import Any, Final

import pytest

from main import Runtime
from services.attempts.deadline import deadline
from services.attempts.documents import ATTEMPTS, Attempt
from services.attempts.repository import Answer, Kept
from services.attempts.save_repository import TOGETHER, Save, SaveRepository
from tests.listener import CommandLog
from utils.documents import new_id
from utils.scope import Scope

PATIENCE: Final = 60.0
CAMPUS: Final = new_id()


@pytest.fixture
def saves(runtime: Runtime) -> SaveRepository:
    repository: SaveRepository = runtime.services.answers._ground.saves
    return repository


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as made:
        yield made


def begun(db: Any, **more: Any) -> Attempt:
    """Store an attempt that has begun."""
    now = datetime.now(UTC).replace(microsecond=0)
    facts = {
        "campus_id": CAMPUS,
        "batch_id": new_id(),
        "test_id": new_id(),
        "student_id": new_id(),
        "number": 1,
        "kind": "online",
        "seed": "seed",
        "started_at": now,
        "duration_seconds": 3600,
        "deadline_at": deadline(now, duration_seconds=3600),
        "session_id": "session",
        "last_seen_at": now,
    }
    attempt = Attempt(**facts | more)
    db[ATTEMPTS].insert_one(attempt.to_mongo())
    return attempt


def sent(attempt: Attempt, seq: int, text: str = "x", **more: Any) -> Save:
    scope = Scope.own(attempt.student_id, CAMPUS)
    save = Save(scope, attempt.id, "session", [Answer("1", seq, {"text": text}, f"{text}{seq}")])
    return save._replace(**more)


def begin(pool: ThreadPoolExecutor, saves: SaveRepository, group: Sequence[Save]) -> list["Future[Any]"]:
    """Have these saves made as one group, in their order."""
    together, futures, soon = saves._saves, [], Event()
    together._collecting = True
    for count, save in enumerate(group, 1):
        futures.append(pool.submit(saves.save, *save))
        while len(together._waiting) < count:
            soon.wait(0.005)
    together._collecting = False
    together._go_on()
    return futures


def made(pool: ThreadPoolExecutor, saves: SaveRepository, *group: Save) -> list[Kept | None]:
    return [one.result(PATIENCE) for one in begin(pool, saves, group)]


def stored(db: Any, attempt: Attempt) -> dict[str, Any]:
    answers: dict[str, Any] = db[ATTEMPTS].find_one({"_id": attempt.id})["answers"]
    return answers


def test_a_group_is_one_write_and_one_read(pool: ThreadPoolExecutor, saves: SaveRepository, db: Any) -> None:
    attempts = [begun(db) for _ in range(4)]
    before = CommandLog.asked(TOGETHER.label)

    done = made(pool, saves, *(sent(attempt, 7, f"$text{n}") for n, attempt in enumerate(attempts)))

    assert CommandLog.asked(TOGETHER.label) == before + 2
    for number, (attempt, kept) in enumerate(zip(attempts, done, strict=True)):
        row = db[ATTEMPTS].find_one({"_id": attempt.id})
        assert kept == Kept({"1": (7, f"$text{number}7")}, row["last_seen_at"], attempt.deadline_at)
        assert row["answers"]["1"]["response"] == {"text": f"$text{number}"}


def test_one_alone_is_one_command(saves: SaveRepository, db: Any) -> None:
    attempt = begun(db)
    with CommandLog.of_this_thread() as asked:
        saves.save(*sent(attempt, 1))

    assert asked == ["findAndModify attempts"]


@pytest.mark.parametrize(
    ("facts", "other"),
    [
        ({"state": "submitted"}, {}),
        ({"session_id": "another"}, {}),
        ({"deadline_at": datetime(2020, 1, 1, tzinfo=UTC)}, {}),
        ({}, {"scope": Scope.own("somebody else", CAMPUS)}),
        ({}, {"scope": Scope.campus("another campus")}),
        ({}, {"attempt_id": "no such attempt"}),
    ],
)
def test_what_is_refused_is_refused_alone(
    pool: ThreadPoolExecutor, saves: SaveRepository, db: Any, facts: Any, other: Any
) -> None:
    first, refused, last = begun(db), begun(db, **facts), begun(db)

    done = made(pool, saves, sent(first, 1), sent(refused, 1, **other), sent(last, 1))

    assert [kept and kept.newest for kept in done] == [{"1": (1, "x1")}, None, {"1": (1, "x1")}]
    assert (stored(db, first)["1"]["seq"], stored(db, last)["1"]["seq"]) == (1, 1)
    assert stored(db, refused) == {}


def test_saves_of_one_attempt_are_told_of_the_newest(
    pool: ThreadPoolExecutor, saves: SaveRepository, db: Any
) -> None:
    attempt = begun(db)

    done = made(pool, saves, sent(attempt, 3), sent(attempt, 5, "b"), sent(attempt, 5, "c"))

    assert [kept and kept.newest for kept in done] == [{"1": (5, "b5")}] * 3
    assert stored(db, attempt)["1"]["response"] == {"text": "b"}


def test_an_attempt_that_is_locked_holds_up_no_other(
    pool: ThreadPoolExecutor, saves: SaveRepository, db: Any
) -> None:
    locked, free = begun(db), begun(db)
    with db.client.start_session() as session, session.start_transaction():
        db[ATTEMPTS].update_one({"_id": locked.id}, {"$set": {"flags": 1}}, session=session)
        waits, done = begin(pool, saves, [sent(locked, 1), sent(free, 1)])

        assert done.result(PATIENCE).newest == {"1": (1, "x1")}
        assert not waits.done() or waits.exception()
        session.commit_transaction()

    waits.exception(PATIENCE)  # saved meanwhile, or told to come again
    [again] = made(pool, saves, sent(locked, 1))
    assert again is not None
    assert again.newest == {"1": (1, "x1")}
