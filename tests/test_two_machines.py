"""Two servers on one MongoDB and Redis, each with its own data folder and port, behave as one."""

import io
import json
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import socketio

from commands.remote import Remote
from config.permissions import GRANTS, Permission, Role
from config.secrets import development_key
from config.settings import SECRETS
from tests.cast import PASSWORD, one_time_token
from tests.servers import Server
from tests.waiting import seconds_until, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("product"), pytest.mark.timeout(600)]

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


@dataclass(frozen=True)
class Admin:
    """A campus admin who has logged in on the first server."""

    id: str
    username: str
    token: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def appointed(
    twins: tuple[Server, Server], remote: Remote, usernames: Iterable[str], campus_id: str
) -> list[Admin]:
    """Return new campus admins, in the order of their names."""
    made = {}
    for username in usernames:
        wanted = {"role": "campus_admin", "name": "An Admin", "username": username, "campus_id": campus_id}
        email = {"email": f"{username}@example.com"}
        made[username] = remote.call("POST", "/admin_management/admins", json=wanted | email)["id"]
    return [activated(twins, remote, username, made[username]) for username in made]


def activated(twins: tuple[Server, Server], remote: Remote, username: str, admin_id: str) -> Admin:
    texts: list[str] = []

    def arrived() -> bool:
        email = f"{username}@example.com"
        texts[:] = [message["text"] for message in messages(twins) if message["to"] == email]
        return bool(texts)

    until(arrived, "the message to the admin")
    body = {"token": one_time_token(texts[-1]), "new_password": PASSWORD}
    assert requests.post(f"{remote.url}/auth/activate", json=body, timeout=60).status_code == 204
    return Admin(admin_id, username, entered(remote, username))


def entered(remote: Remote, username: str) -> str:
    """Log in; return the access token."""
    login = {"username": username, "password": PASSWORD}
    return str(requests.post(f"{remote.url}/auth/login", json=login, timeout=60).json()["access_token"])


def log_out(one: Remote, admin: Admin) -> None:
    assert requests.post(f"{one.url}/auth/logout", headers=admin.bearer, timeout=60).status_code == 204


def suspend(one: Remote, admin: Admin) -> None:
    one.call("POST", f"/admin_management/admins/{admin.id}/deactivate")


def demote(one: Remote, admin: Admin) -> None:
    left = sorted(GRANTS[Role.CAMPUS_ADMIN] - {Permission.CAMPUS_READ})
    one.call("PUT", f"/access_control/admins/{admin.id}/permissions", json={"permissions": left})


def change_password(one: Remote, admin: Admin) -> None:
    """Choose another password at a third place: that session stays."""
    there = {"Authorization": f"Bearer {entered(one, admin.username)}"}
    body = {"current_password": PASSWORD, "new_password": "another river at dusk 8"}
    url = f"{one.url}/auth/change_password"
    assert requests.post(url, json=body, headers=there, timeout=60).status_code == 204


CAUSES = {log_out: 401, suspend: 401, demote: 403, change_password: 401}


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
    until(lambda: one.call("GET", path)["state"] == "previewed", "the preview")

    states: list[Any] = []
    live = socketio.Client()
    live.on("batch_job:progress", states.append)
    live.connect(two.url, auth={"token": two.token}, transports=["websocket"])
    job_id = one.call("POST", f"{path}/commit", json={"channels": ["email"]})["job_id"]
    assert live.call("watch", {"job_id": job_id})["watching"] == job_id

    until(lambda: states and states[-1]["state"] == "completed", "the end, heard on the other server")
    assert states[-1]["counts"]["delivered"] == 120
    live.disconnect()


@pytest.mark.parametrize("redis", ["there", "frozen"])
def test_access_withdrawn_on_one_is_gone_on_the_other(
    twins: tuple[Server, Server], desks: tuple[Remote, Remote], redis: str
) -> None:
    """Whatever the cause: a process that only hears of it refuses the token and drops the socket."""
    (first, _), (one, two) = twins, desks
    names = [f"{cause.__name__}.{redis}" for cause in CAUSES]
    admins = appointed(twins, one, names, campus(one, f"Access {redis}"))
    dropped: set[str] = set()
    for admin in admins:
        live = socketio.Client(reconnection=False)
        live.on("disconnect", lambda *_, who=admin.id: dropped.add(who))
        live.connect(two.url, auth={"token": admin.token}, transports=["websocket"])

    def asked(admin: Admin) -> int:
        return requests.get(f"{two.url}{CAMPUSES}", headers=admin.bearer, timeout=60).status_code

    if redis == "frozen":
        os.kill(first.pids.redis, signal.SIGSTOP)
    try:
        for (withdraw, refused), admin in zip(CAUSES.items(), admins, strict=True):
            assert (asked(admin), admin.id in dropped) == (200, False)

            withdraw(one, admin)

            what = f"{withdraw.__name__}, Redis {redis}"
            late = seconds_until(lambda who=admin, status=refused: asked(who) == status, f"refused: {what}")  # type: ignore[misc]
            late += seconds_until(lambda who=admin: who.id in dropped, f"dropped: {what}")  # type: ignore[misc]
            assert late < SOON, what
    finally:
        if redis == "frozen":
            os.kill(first.pids.redis, signal.SIGCONT)


def test_a_list_changed_on_one_is_fresh_on_the_other(desks: tuple[Remote, Remote]) -> None:
    one, two = desks
    for number in range(3):
        assert f"Fresh {number}" not in names(two)
        campus(one, f"Fresh {number}")

        assert seconds_until(lambda number=number: f"Fresh {number}" in names(two), "the new campus") < SOON  # type: ignore[misc]


def test_a_list_is_fresh_again_soon_after_redis_was_away(
    twins: tuple[Server, Server], desks: tuple[Remote, Remote]
) -> None:
    (first, _), (one, two) = twins, desks
    names(two)
    os.kill(first.pids.redis, signal.SIGSTOP)
    try:
        campus(one, "While away")
        assert seconds_until(lambda: "While away" in names(two), "what is remembered has its bound") < 6
        time.sleep(1)
    finally:
        os.kill(first.pids.redis, signal.SIGCONT)
    campus(one, "Back again")

    assert seconds_until(lambda: "Back again" in names(two), "the new campus") < AFTER_REDIS_WAS_AWAY
