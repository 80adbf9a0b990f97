"""Breakers of all processes: who may see and reset them, and what that does."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from main import Runtime, create_app
from tests.cast import Cast
from tests.waiting import seconds_until, until
from utils.resilient_services import Breaker

NAME = "brevo-email"


@pytest.fixture
def breaker(runtime: Runtime) -> Iterator[Breaker]:
    """A breaker of this process, shown like any other."""
    taken = runtime.breakers.take(NAME)
    runtime.heartbeat.tick()
    yield taken
    taken.reset()


@pytest.fixture
def neighbour(app: Flask) -> Iterator[Runtime]:
    """Another process on the same database, without Redis."""
    runtime: Runtime = create_app(app.extensions["versant"].settings).extensions["versant"]
    runtime.breakers.take(NAME)
    runtime.heartbeat.tick()
    yield runtime
    runtime.heartbeat.leave()
    runtime.store.db.client.close()


def break_it(runtime: Runtime, cause: str = "answered 503") -> None:
    for _ in range(5):
        runtime.breakers.take(NAME).failed(cause)
    runtime.heartbeat.tick()


def shown(cast: Cast) -> Any:
    items = cast.superadmin.get("/performance_monitor/breakers")["items"]
    return next(item for item in items if item["name"] == NAME)


def test_a_breaker_is_shown_with_every_process(
    cast: Cast, runtime: Runtime, breaker: Breaker, neighbour: Runtime
) -> None:
    break_it(neighbour)

    found = shown(cast)

    assert found["state"] == "open"
    by_process = {one["process_id"]: one for one in found["processes"]}
    mine, other = by_process[runtime.heartbeat.id], by_process[neighbour.heartbeat.id]
    assert (mine["state"], mine["count"], mine["next_probe_at"]) == ("closed", 0, None)
    assert (other["state"], other["count"], other["cause"]) == ("open", 5, "answered 503")
    assert other["next_probe_at"] > other["seen_at"]


def test_a_reset_reaches_every_process_and_is_audited(
    cast: Cast, runtime: Runtime, breaker: Breaker, neighbour: Runtime, db: Any
) -> None:
    break_it(runtime)
    break_it(neighbour)

    cast.superadmin.post(f"/performance_monitor/breakers/{NAME}/reset", status=204)

    assert breaker.allow()  # at once in the process that was asked
    neighbour.heartbeat.tick()  # at its next beat in every other
    assert neighbour.breakers.take(NAME).allow()
    runtime.heartbeat.tick()
    neighbour.heartbeat.tick()
    assert shown(cast)["state"] == "closed"
    (row,) = db.audit.find({"action": "breaker.reset"})
    assert (row["target"], row["actor_id"]) == (f"breaker:{NAME}", cast.superadmin.id)
    assert row["detail"] == {"states": ["open"]}


def test_another_process_resets_it_by_itself_within_a_beat(
    cast: Cast, breaker: Breaker, neighbour: Runtime
) -> None:
    break_it(neighbour)
    neighbour.supervisor.start()

    cast.superadmin.post(f"/performance_monitor/breakers/{NAME}/reset", status=204)

    assert seconds_until(neighbour.breakers.take(NAME).allow) < 3
    neighbour.stop()


def test_an_unknown_breaker_is_not_found(cast: Cast, breaker: Breaker, db: Any) -> None:
    problem = cast.superadmin.post("/performance_monitor/breakers/nobody/reset", status=404)

    assert problem["type"] == "/problems/breaker-not-found"
    assert db.audit.count_documents({"action": "breaker.reset"}) == 0


def test_whoever_may_only_look_may_not_reset(cast: Cast, breaker: Breaker) -> None:
    reader = cast.admin("reader", "sub_superadmin", permissions={"analytics": "read"})

    assert reader.get("/performance_monitor/breakers")["items"]
    reader.post(f"/performance_monitor/breakers/{NAME}/reset", status=403)
    cast.north.admin.get("/performance_monitor/breakers", status=403)


def test_a_change_of_state_is_logged_and_counted(
    client: Any, runtime: Runtime, breaker: Breaker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "utils.resilient_services"):
        break_it(runtime, "no answer in time")
        breaker.reset()

    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert ("WARNING", f"breaker {NAME} is open, was closed") in said
    assert ("INFO", f"breaker {NAME} is closed, was open") in said
    figures = client.get("/metrics").text
    assert f'versant_breaker_changes_total{{breaker="{NAME}",to="open"}}' in figures
    assert f'versant_breaker_state{{breaker="{NAME}",state="closed"}} 1.0' in figures


def test_the_queues_of_a_process_are_in_the_figures(client: Any, runtime: Runtime) -> None:
    runtime.processor.call(int).result(60)
    runtime.processor.submit(int).result(60)
    until(lambda: not runtime.processor.running)

    figures = client.get("/metrics").text

    for queue in ("immediate", "background"):
        assert f'versant_tasks_total{{queue="{queue}",state="done"}}' in figures
        assert f'versant_task_seconds_count{{queue="{queue}"}}' in figures
        assert f'versant_tasks_running{{queue="{queue}"}}' in figures
        assert f'versant_tasks_waiting{{queue="{queue}"}} 0.0' in figures
