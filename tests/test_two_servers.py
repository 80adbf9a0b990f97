"""Several processes on one MongoDB and Redis behave as one: what runs in one is watched in every other."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import socketio
from pymongo import MongoClient

from commands.remote import Remote
from tests.servers import ROOT, Server
from tests.waiting import until

pytestmark = pytest.mark.xdist_group("product")

WATCHERS = 4


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("servers") / "data", "--workers", "2") as started:
        yield started


class Watcher:
    """A socket of its own, to whichever process takes it; remembers the last state that was pushed to it."""

    def __init__(self, remote: Remote, import_id: str) -> None:
        self.states: dict[str, Any] = {}
        self._client = socketio.Client()
        for event in ("import:progress", "batch_job:progress"):
            self._client.on(event, lambda state, event=event: self.states.update({event: state}))
        self._client.connect(remote.url, auth={"token": remote.token}, transports=["websocket"])
        self.ask(import_id=import_id)

    def ask(self, **asked: str) -> None:
        assert "watching" in self._client.call("watch", asked)

    def heard(self, event: str, state: str) -> Any:
        def told() -> bool:
            return bool(self.states.get(event, {}).get("state") == state)

        until(told, f"{event} {state}", 120.0, seen=lambda: self.states)
        return self.states[event]

    def close(self) -> None:
        self._client.disconnect()


def place(remote: Remote) -> dict[str, str]:
    """Return the form of an upload to a new batch."""
    campus = {"name": "North", "code": "N", "timezone": "Asia/Kolkata"}
    campus_id = remote.call("POST", "/campus_management/campuses", json=campus)["id"]
    course = {"campus_id": campus_id, "name": "CSE", "code": "CSE"}
    course_id = remote.call("POST", "/course_management/courses", json=course)["id"]
    batch = {"campus_id": campus_id, "name": "2026", "course_ids": [course_id]}
    batch_id = remote.call("POST", "/batch_management/batches", json=batch)["id"]
    return {"batch_id": batch_id, "course_ids": course_id}


def test_watchers_in_every_process_hear_of_an_import_and_its_job_until_the_end(server: Server) -> None:
    kept = json.loads((server.data_dir / "superadmin.json").read_text())
    remote = Remote(server.url, kept["username"], kept["password"])
    remote.log_in()
    lines = "".join(f"{n:04},Student {n},,s{n}@example.com\n" for n in range(300))
    file = io.BytesIO(("Roll Number,Student Name,Mobile Number,Email\n" + lines).encode())
    upload = {"data": place(remote), "files": {"file": ("r.csv", file)}}

    made = remote.call("POST", "/student_management/imports", **upload)
    path = f"/student_management/imports/{made['id']}"
    watchers = [Watcher(remote, made["id"]) for _ in range(WATCHERS)]
    until(lambda: remote.call("GET", path)["state"] != "parsing", "the preview")
    job_id = remote.call("POST", f"{path}/commit", json={"channels": ["email"]})["job_id"]
    for watcher in watchers:
        watcher.ask(job_id=job_id)

    for watcher in watchers:
        watcher.heard("import:progress", "applied")
        assert watcher.heard("batch_job:progress", "completed")["counts"]["delivered"] == 300
        watcher.close()
    assert len(server.pids.workers) == 2


def job_of_one(remote: Remote) -> str:
    """Return the job with one message, once it is over. Of one second, ids of two processes have no order."""

    def over() -> list[str]:
        jobs = remote.call("GET", "/batch_processing/jobs")["items"]
        return [str(job["id"]) for job in jobs if job["total"] == 1 and job["state"] == "completed"]

    return until(over, "the job with one message")[0]


def test_the_failed_messages_of_a_job_are_sent_again_from_the_command_line(server: Server) -> None:
    kept = json.loads((server.data_dir / "superadmin.json").read_text())
    remote = Remote(server.url, kept["username"], kept["password"])
    remote.log_in()
    wanted = {"role": "sub_superadmin", "name": "Ada", "username": "ada", "email": "ada@example.com"}
    remote.call(
        "POST", "/admin_management/admins", json={**wanted, "permissions": {"campus_management": "read"}}
    )
    job_id = job_of_one(remote)
    uri = json.loads((server.data_dir / "running.json").read_text())["MONGODB_URI"]
    with MongoClient[dict[str, Any]](uri) as client:
        client.get_default_database()["deliveries"].update_many(
            {"job_id": job_id}, {"$set": {"state": "failed"}}
        )

    command = ["-m", "flask", "--app", "main", "retry-failed", job_id, "--url", server.url]
    said = subprocess.run(
        [sys.executable, *command, "--data-dir", str(server.data_dir)],
        cwd=ROOT,
        env={**os.environ, "FLASK_SKIP_DOTENV": "1"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert said.returncode == 0, said.stderr
    assert "1 delivered" in said.stdout
