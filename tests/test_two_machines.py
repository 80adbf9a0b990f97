"""Two servers on one MongoDB and Redis, each with its own data folder and port, behave as one."""

import io
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import socketio

from commands.remote import Remote
from config.secrets import development_key
from config.settings import SECRETS
from tests.cast import PASSWORD, one_time_token
from tests.servers import Server

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("product"), pytest.mark.timeout(120)]

SOON, AFTER_REDIS_WAS_AWAY = 1.0, 2.0
CAMPUSES = "/campus_management/campuses"


def joined(one: Server) -> dict[str, str]:
    """Return what leads a second server to the services and secrets of the first."""
    running = json.loads((one.data_dir / "running.json").read_text())
    keys = {name.upper(): development_key(one.data_dir, name) for name in SECRETS}
    account = json.loads((one.data_dir / "superadmin.json").read_text())
    return {
        "MONGODB_URI": running["MONGODB_URI"],
        "REDIS_URL": running["REDIS_URL"],
        "SUPERADMIN_USERNAME": account["username"],
        "SUPERADMIN_PASSWORD": account["password"],
        **keys,
    }


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    folder = tmp_path_factory.mktemp("machines")
    with (
        Server(folder / "one", "--workers", "1") as one,
        Server(folder / "two", "--workers", "1", environment=joined(one)) as two,
    ):
        yield one, two


@pytest.fixture(scope="module")
def desks(twins: tuple[Server, Server]) -> tuple[Remote, Remote]:
    """The superadmin at each of the servers."""
    one, two = twins
    account = json.loads((one.data_dir / "superadmin.json").read_text())
    remotes = tuple(Remote(server.url, account["username"], account["password"]) for server in (one, two))
    for remote in remotes:
        remote.log_in()
    return remotes  # type: ignore[return-value]


def within(seconds: float, true: Callable[[], Any], what: str) -> None:
    """Fail unless it becomes true in time."""
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def campus(remote: Remote, name: str) -> str:
    place = {"name": name, "code": name.upper()[:12].replace(" ", "-"), "timezone": "Asia/Kolkata"}
    return str(remote.call("POST", CAMPUSES, json=place)["id"])


def names(remote: Remote) -> set[str]:
    return {each["name"] for each in remote.call("GET", f"{CAMPUSES}?limit=200")["items"]}


def messages(twins: tuple[Server, Server]) -> Iterator[dict[str, str]]:
    """Yield every message: each server keeps those that it has sent itself."""
    for server in twins:
        path = server.data_dir / "outbox.jsonl"
        whole, _, _ = path.read_text().rpartition("\n") if path.exists() else ("", "", "")
        yield from map(json.loads, whole.splitlines())


def appointed(twins: tuple[Server, Server], remote: Remote, username: str, campus_id: str) -> tuple[str, str]:
    """Return the id of a new campus admin and a token of theirs."""
    email = f"{username}@example.com"
    wanted = {"role": "campus_admin", "name": "An Admin", "username": username, "email": email}
    made = remote.call("POST", "/admin_management/admins", json={**wanted, "campus_id": campus_id})
    texts: list[str] = []

    def arrived() -> bool:
        texts[:] = [message["text"] for message in messages(twins) if message["to"] == email]
        return bool(texts)

    within(20, arrived, "the message to the admin")
    body = {"token": one_time_token(texts[-1]), "new_password": PASSWORD}
    assert requests.post(f"{remote.url}/auth/activate", json=body, timeout=10).status_code == 204
    login = {"username": username, "password": PASSWORD}
    entered = requests.post(f"{remote.url}/auth/login", json=login, timeout=10).json()
    return str(made["id"]), str(entered["access_token"])


def test_a_job_started_on_one_is_watched_on_the_other(desks: tuple[Remote, Remote]) -> None:
    one, two = desks
    campus_id = campus(one, "Watched")
    course = {"campus_id": campus_id, "name": "CSE", "code": "CSE"}
    course_id = one.call("POST", "/course_management/courses", json=course)["id"]
    batch = {"campus_id": campus_id, "name": "2026", "course_ids": [course_id]}
    batch_id = one.call("POST", "/batch_management/batches", json=batch)["id"]
    lines = "".join(f"{n:04},Student {n},,w{n}@example.com\n" for n in range(120))
    file = io.BytesIO(("Roll Number,Student Name,Mobile Number,Email\n" + lines).encode())
    form = {"batch_id": batch_id, "course_ids": course_id}
    made = one.call("POST", "/student_management/imports", data=form, files={"file": ("r.csv", file)})
    path = f"/student_management/imports/{made['id']}"
    within(20, lambda: one.call("GET", path)["state"] == "previewed", "the preview")

    states: list[Any] = []
    live = socketio.Client()
    live.on("batch_job:progress", states.append)
    live.connect(two.url, auth={"token": two.token}, transports=["websocket"])
    job_id = one.call("POST", f"{path}/commit", json={"channels": ["email"]})["job_id"]
    assert live.call("watch", {"job_id": job_id})["watching"] == job_id

    within(30, lambda: states and states[-1]["state"] == "completed", "the end, heard on the other server")
    assert states[-1]["counts"]["delivered"] == 120
    live.disconnect()


@pytest.mark.parametrize("redis", ["there", "frozen"])
def test_access_withdrawn_on_one_is_gone_on_the_other(
    twins: tuple[Server, Server], desks: tuple[Remote, Remote], redis: str
) -> None:
    (first, _), (one, two) = twins, desks
    admin_id, token = appointed(twins, one, f"admin.{redis}", campus(one, f"Access {redis}"))
    bearer = {"Authorization": f"Bearer {token}"}

    def asked() -> int:
        return requests.get(f"{two.url}{CAMPUSES}", headers=bearer, timeout=10).status_code

    dropped: list[bool] = []
    live = socketio.Client(reconnection=False)
    live.on("disconnect", lambda *_: dropped.append(True))
    live.connect(two.url, auth={"token": token}, transports=["websocket"])
    assert asked() == 200
    if redis == "frozen":
        os.kill(first.pids.redis, signal.SIGSTOP)
    try:
        one.call("POST", f"/admin_management/admins/{admin_id}/deactivate")

        within(SOON, lambda: asked() == 401, "the token is refused")
        within(SOON, lambda: dropped, "the socket is dropped")
    finally:
        if redis == "frozen":
            os.kill(first.pids.redis, signal.SIGCONT)


def test_a_list_changed_on_one_is_fresh_on_the_other(desks: tuple[Remote, Remote]) -> None:
    one, two = desks
    for number in range(3):
        assert f"Fresh {number}" not in names(two)
        campus(one, f"Fresh {number}")

        within(SOON, lambda number=number: f"Fresh {number}" in names(two), "the new campus")  # type: ignore[misc]


def test_a_list_is_fresh_again_soon_after_redis_was_away(
    twins: tuple[Server, Server], desks: tuple[Remote, Remote]
) -> None:
    (first, _), (one, two) = twins, desks
    names(two)
    os.kill(first.pids.redis, signal.SIGSTOP)
    try:
        campus(one, "While away")
        within(6, lambda: "While away" in names(two), "what is remembered is never older than its bound")
        time.sleep(1)
    finally:
        os.kill(first.pids.redis, signal.SIGCONT)
    campus(one, "Back again")

    within(AFTER_REDIS_WAS_AWAY, lambda: "Back again" in names(two), "the new campus")
