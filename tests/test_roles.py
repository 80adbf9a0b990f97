"""What a process does and does not do, by its role."""

from collections.abc import Iterator
from typing import Any

import pytest

from config.settings import Settings
from main import Runtime, create_app
from tests import servers


@pytest.fixture
def made(settings: Settings) -> Iterator[Any]:
    """Make an app of a role, which is never started."""
    apps: list[Any] = []

    def make(**how: str) -> Any:
        apps.append(create_app(settings.model_copy(update={"redis_url": servers.redis_server(), **how})))
        return apps[-1]

    yield make
    for app in apps:
        app.extensions["versant"].store.db.client.close()


def loops(app: Any) -> set[str]:
    runtime: Runtime = app.extensions["versant"]
    return {loop.name for loop in runtime.loops()}


def test_a_worker_serves_its_health_and_nothing_else(made: Any, db: Any) -> None:
    app = made(web_role="worker")
    client = app.test_client()

    assert client.get("/health/live").status_code == 200
    assert client.get("/metrics").status_code == 200
    assert "loop:claim-messages" in client.get("/health/ready").text
    for path in ("/console", "/openapi.json", "/student_management/students"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize("engine", ["threads", "dramatiq"])
def test_only_a_web_process_runs_no_jobs(made: Any, engine: str) -> None:
    running = {"renew-leases", "rescue-jobs"}

    assert running <= loops(made(web_role="all", job_engine=engine))
    assert running <= loops(made(web_role="worker", job_engine=engine))
    assert not running & loops(made(web_role="web", job_engine=engine))
    assert made(web_role="web", job_engine=engine).test_client().get("/console").status_code == 200
