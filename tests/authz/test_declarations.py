"""Which routes ask for no permission is decided in files that are reviewed, not in passing."""

from pathlib import Path
from typing import Final

import pytest
from flask import Flask

from main import Runtime
from routes._kit.admission import Access
from routes.live import WATCHABLE
from tests.authz.operations import EVENTS_NOT_WALKED, ROUTES_NOT_WALKED, WATCH, operations

pytestmark = pytest.mark.xdist_group("authz")

HERE: Final = Path(__file__).parent
MOST_PUBLIC: Final = 20
FILES: Final = {
    Access.PUBLIC: "public_routes.txt",
    Access.SIGNED_IN: "signed_in_routes.txt",
    Access.SIGNATURE: "signature_routes.txt",
}


def reviewed(access: Access) -> set[str]:
    """Return the routes of a file: method and rule begin each line, the rest says why."""
    lines = (HERE / FILES[access]).read_text(encoding="utf-8").splitlines()
    return {" ".join(line.split()[:2]) for line in lines if line and not line.startswith("#")}


def declared_as(app: Flask, access: Access) -> set[str]:
    return {f"{one.method} {one.rule}" for one in operations(app) if one.access is access}


@pytest.mark.parametrize("access", Access)
def test_what_asks_for_no_permission_was_reviewed(walked: Flask, access: Access) -> None:
    assert declared_as(walked, access) == reviewed(access)


def test_there_are_few_public_routes() -> None:
    assert len(reviewed(Access.PUBLIC)) <= MOST_PUBLIC


def test_every_url_is_walked_or_left_out_for_a_reason(walked: Flask) -> None:
    names = {rule.endpoint for rule in walked.url_map.iter_rules()}

    assert names - {one.name for one in operations(walked)} == set(ROUTES_NOT_WALKED)


def test_every_socket_event_is_walked_or_left_out_for_a_reason(walked: Flask) -> None:
    runtime: Runtime = walked.extensions["versant"]
    events = {event for handlers in runtime.socketio.server.handlers.values() for event in handlers}
    events |= {event for event, _, _ in runtime.socketio.handlers}

    assert events == EVENTS_NOT_WALKED.keys() | {WATCH.lower()}
    assert {f"watch.{key}" for key in WATCHABLE} <= {one.name for one in operations(walked)}


def test_figures_are_for_this_machine(walked: Flask) -> None:
    client = walked.test_client()

    def asked(address: str, **headers: str) -> int:
        return client.get("/metrics", environ_base={"REMOTE_ADDR": address}, headers=headers).status_code

    assert asked("127.0.0.1") == 200
    assert asked("10.0.0.7") == 403
    assert asked("127.0.0.1", **{"X-Forwarded-For": "10.0.0.7"}) == 403
    assert asked("10.0.0.7", Authorization="Bearer ") == 403
