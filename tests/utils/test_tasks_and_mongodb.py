"""Work on another thread and MongoDB: no part of its caller's transaction, and over at its deadline."""

from typing import Any

import pytest

from tests.waiting import until
from utils.store import PLATFORM
from utils.tasks import TaskState, TookTooLong

SOON = 10.0  # seconds on a machine that does much else; the command itself takes much longer
SUM = {
    "$reduce": {"input": {"$range": [0, 20_000]}, "initialValue": 0, "in": {"$add": ["$$value", "$$this"]}}
}
ROWS = {"$map": {"input": {"$range": [0, 3_000]}, "in": {"row": "$$this"}}}
ALL = {"$group": {"_id": None, "all": {"$max": "$sum"}}}
SLOW = {"aggregate": 1, "pipeline": [{"$documents": ROWS}, {"$project": {"sum": SUM}}, ALL], "cursor": {}}


def test_work_on_another_thread_does_not_see_its_callers_open_transaction(runtime: Any, db: Any) -> None:
    rows = runtime.store.system("breakfast")
    db.create_collection("breakfast")
    seen: list[Any] = []

    def look() -> bool:
        return rows.find_one(PLATFORM, {"_id": "egg"}) is not None

    def work() -> None:
        rows.insert(PLATFORM, {"_id": "egg"})
        seen.append(runtime.processor.call(look).result(60))
        seen.extend(runtime.processor.parallel({"a": look, "b": look}, 60).values())
        seen.append(look())

    runtime.store.atomically(work)

    assert seen == [False, False, False, True]
    assert runtime.processor.call(look).result(60)
    db.drop_collection("breakfast")


def test_work_done_by_the_asking_thread_does_not_join_either(runtime: Any, db: Any) -> None:
    rows = runtime.store.system("breakfast")
    db.create_collection("breakfast")

    def on_a_seat() -> bool:
        """Hand in work from every seat: it is done on the spot."""
        seen: list[bool] = []

        def work() -> None:
            rows.insert(PLATFORM, {"_id": "egg"})
            inner = [
                runtime.processor.call(lambda: rows.find_one(PLATFORM, {"_id": "egg"})) for _ in range(40)
            ]
            seen.extend(task.result(60) is not None for task in inner)

        runtime.store.atomically(work)
        return any(seen)

    assert not runtime.processor.call(on_a_seat).result(60)
    db.drop_collection("breakfast")


def test_a_command_ends_soon_after_the_deadline_of_its_task(runtime: Any) -> None:
    command = runtime.store.db.client["admin"].command
    late = runtime.processor.call(command, SLOW, deadline=0.2)

    with pytest.raises(TookTooLong):
        late.result()

    until(lambda: runtime.processor.task(late.id).state is TaskState.TIMED_OUT, "its end", SOON)


def test_a_slow_read_of_a_view_is_told_as_such(runtime: Any) -> None:
    command = runtime.store.db.client["admin"].command

    with pytest.raises(TookTooLong):
        runtime.processor.parallel({"slow": lambda: command(SLOW), "fast": lambda: command("ping")}, 0.2)
