"""Orders while everybody saves: each attempt gets each order once, and no save is lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from main import Runtime
from services.attempts.deadline import deadline
from services.attempts.documents import ATTEMPTS, Attempt
from services.attempts.grant_repository import GrantRepository, Sitters
from services.attempts.repository import Answer, AttemptRepository
from utils.documents import new_id
from utils.scope import Scope

CAMPUS: Final = Scope.campus("c" * 24)
SITTERS, SAVES, ORDERS = 6, 30, 5
LONG: Final = timedelta(days=1)


def attempts_at(db: Any, test_id: str) -> list[Attempt]:
    """Store attempts that have begun."""
    begun = datetime.now(UTC).replace(microsecond=0)
    made = [
        Attempt(
            campus_id=str(CAMPUS.campus_id),
            batch_id=new_id(),
            test_id=test_id,
            student_id=new_id(),
            number=1,
            kind="online",
            seed="seed",
            started_at=begun,
            duration_seconds=3600,
            deadline_at=deadline(begun, duration_seconds=3600),
            session_id="session",
            last_seen_at=begun,
        )
        for _ in range(SITTERS)
    ]
    db[ATTEMPTS].insert_many([attempt.to_mongo() for attempt in made])
    return made


def test_orders_and_saves_at_one_moment_lose_nothing_and_give_nothing_twice(
    runtime: Runtime, db: Any
) -> None:
    test_id, orders = new_id(), [new_id() for _ in range(ORDERS)]
    attempts = attempts_at(db, test_id)
    answers, grants = AttemptRepository(runtime.store), GrantRepository(runtime.store)

    def save(attempt: Attempt) -> None:
        for seq in range(1, SAVES + 1):
            given = Answer("1", seq, {"text": f"$seed {seq}"}, f"{seq:064}")
            assert answers.save(CAMPUS, attempt.id, "session", [given]) is not None

    def order(order_id: str) -> None:
        for _ in "twice":
            grants.grant(CAMPUS, Sitters(test_id), order_id, datetime.now(UTC) + LONG, 60)

    with ThreadPoolExecutor(SITTERS + ORDERS) as pool:
        list(
            pool.map(
                lambda work: work[0](work[1]), [(save, a) for a in attempts] + [(order, o) for o in orders]
            )
        )

    for row in db[ATTEMPTS].find({"test_id": test_id}):
        attempt = Attempt.from_mongo(row)
        assert attempt.answers["1"].response == {"text": f"$seed {SAVES}"}
        assert sorted(grant.order_id for grant in attempt.grants) == sorted(orders)
        assert attempt.granted_seconds == 60 * ORDERS
        assert attempt.deadline_at == deadline(
            attempt.started_at, duration_seconds=3600, granted_seconds=60 * ORDERS
        )
