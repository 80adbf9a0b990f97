"""Autosave as one writes it without thinking, to compare with: read the attempt, change it, write it back.

Served like the product (gunicorn, as many workers and threads), durable like it (majority, journalled), on
the same MongoDB; it knows no users, no deadlines and no order.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any, Final

from flask import Flask, abort, request
from pymongo import MongoClient

from startup_scripts.ports import free_port
from tests.servers import ROOT

ROWS: Final = "naive_attempts"
THREADS: Final = 216  # what the product has by default


def naive() -> Flask:
    """Return the app."""
    app, client = (
        Flask("naive"),
        MongoClient[dict[str, Any]](os.environ["MONGODB_URI"], w="majority", journal=True),
    )
    rows = client.get_default_database()[ROWS]

    @app.put("/student/attempts/<attempt_id>/answers")
    def save(attempt_id: str) -> dict[str, Any]:
        row = rows.find_one({"_id": attempt_id})
        if row is None or row["state"] != "active":
            abort(404)
        sent = request.get_json()["answers"]
        for one in sent:
            row["answers"][one["slot"]] = {**one, "at": datetime.now(UTC)}
        rows.update_one({"_id": attempt_id}, {"$set": {"answers": row["answers"]}})
        return {"acks": [{"slot": one["slot"], "seq": one["seq"]} for one in sent]}

    return app


@contextmanager
def naive_server(uri: str, workers: int, attempts: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Serve the naive app with an attempt for each of these ids; yield its address."""
    with MongoClient[dict[str, Any]](uri) as client:
        rows = client.get_default_database()[ROWS]
        rows.drop()
        rows.insert_many([{"_id": one, "state": "active", "answers": {}} for one in attempts])
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-k",
        "gthread",
        "-w",
        str(workers),
        "--threads",
        str(THREADS),
    ]
    command += ["-b", f"127.0.0.1:{port}", "--keep-alive", "10", "--no-control-socket"]
    command += ["--worker-connections", "2000", "benchmarks.naive:naive()"]
    environment = {**os.environ, "MONGODB_URI": uri}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        yield "127.0.0.1", port
    finally:
        server.terminate()
        server.wait()


def _wait(port: int) -> None:
    for _ in range(400):
        time.sleep(0.05)
        try:
            HTTPConnection("127.0.0.1", port, timeout=1).request("GET", "/")
        except OSError:
            continue
        return
    raise SystemExit("the naive server does not start")
