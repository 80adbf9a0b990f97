"""R1: what the product adds to a request: an authenticated list from the cache against a bare Flask route.

``python -m benchmarks.overhead`` writes ``benchmarks/results/overhead.json``. Both run on gunicorn with one
gthread worker of eight threads and reply the same bytes; eight clients ask over connections that stay open,
in turn, three rounds. Beside requests per second stands what one costs the worker, in milliseconds of CPU,
which does not depend on what else the machine does. ``304`` is the list for a client that has it already.
"""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psutil
from flask import Flask, Response

from commands.remote import Remote
from startup_scripts.ports import free_port
from tests.servers import ROOT, Server

RESULT: Final = ROOT / "benchmarks" / "results" / "overhead.json"
THREADS, CLIENTS, ROUNDS, REQUESTS = 8, 8, 3, 4_000
PATH: Final = "/course_management/courses"
COURSES: Final = 20


def bare() -> Flask:
    """Return an app that replies the bytes of the file ``REPLY`` and does nothing else."""
    app, reply = Flask("bare"), Path(os.environ["REPLY"]).read_bytes()
    app.add_url_rule(PATH, "courses", lambda: Response(reply, mimetype="application/json"))
    return app


@contextmanager
def bare_server(reply: Path) -> Iterator[tuple[str, int]]:
    """Serve the bare app; yield its address and the process of its worker."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "1", "--threads", str(THREADS)]
    command += ["-b", f"127.0.0.1:{port}", "--keep-alive", "10", "--no-control-socket"]
    environment = {**os.environ, "REPLY": str(reply)}
    server = subprocess.Popen(
        [*command, "benchmarks.overhead:bare()"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{port}", worker_of(server.pid, port)
    finally:
        server.terminate()
        server.wait()


def worker_of(master: int, port: int) -> int:
    """Return the worker once it serves."""
    for _ in range(200):
        time.sleep(0.05)
        try:
            HTTPConnection("127.0.0.1", port, timeout=1).request("GET", PATH)
        except OSError:
            continue
        return psutil.Process(master).children()[0].pid
    raise SystemExit("the bare server does not start")


def asked(url: str, headers: Mapping[str, str], worker: int, status: int) -> dict[str, float]:
    """Return requests a second over all clients, and milliseconds of the worker's CPU for each."""
    address = urlsplit(url).netloc

    def client(count: int) -> None:
        connection = HTTPConnection(address, timeout=30)
        for _ in range(count):
            connection.request("GET", PATH, headers=dict(headers))
            reply = connection.getresponse()
            reply.read()
            if reply.status != status:
                raise SystemExit(f"{reply.status} instead of {status}")

    process = psutil.Process(worker)
    with ThreadPoolExecutor(CLIENTS) as pool:
        before, began = sum(process.cpu_times()[:2]), time.monotonic()
        list(pool.map(client, [REQUESTS // CLIENTS] * CLIENTS))
        took, spent = time.monotonic() - began, sum(process.cpu_times()[:2]) - before
    return {"per_s": round(REQUESTS / took, 1), "cpu_ms": round(spent / REQUESTS * 1000, 3)}


def prepared(server: Server, reply: Path) -> tuple[dict[str, str], str]:
    """Make courses, keep the bytes of their list; return the headers of whoever asks, and the list's ETag."""
    kept = json.loads((server.data_dir / "superadmin.json").read_text())
    remote = Remote(server.url, kept["username"], kept["password"])
    remote.log_in()
    campus = {"name": "North", "code": "N", "timezone": "Asia/Kolkata"}
    campus_id = remote.call("POST", "/campus_management/campuses", json=campus)["id"]
    for number in range(COURSES):
        course = {"campus_id": campus_id, "name": f"Course {number}", "code": f"C{number}"}
        remote.call("POST", "/course_management/courses", json=course)
    headers = {"Authorization": f"Bearer {remote.token}"}
    connection = HTTPConnection(urlsplit(server.url).netloc)
    connection.request("GET", PATH, headers=headers)
    answer = connection.getresponse()
    reply.write_bytes(answer.read())
    return headers, str(answer.headers["ETag"])


def measure(folder: Path) -> list[dict[str, Any]]:
    """Return the figures of each round."""
    reply, rounds = folder / "reply.json", []
    environment = {"THREADS": str(THREADS), "ACCESS_TOKEN_SECONDS": "3600", "LOG_LEVEL": "WARNING"}
    with Server(folder / "data", "--workers", "1", environment=environment) as server:
        headers, etag = prepared(server, reply)
        [ours] = server.pids.workers
        with bare_server(reply) as (url, worker):
            for _ in range(ROUNDS):
                found = {
                    "bare": asked(url, {}, worker, 200),
                    "list": asked(server.url, headers, ours, 200),
                    "304": asked(server.url, {**headers, "If-None-Match": etag}, ours, 304),
                }
                rounds.append(found)
                print(json.dumps(found), flush=True)
    return rounds


def main() -> None:
    """Measure, print and write the medians."""
    folder = Path(tempfile.mkdtemp(prefix="versant-bench-"))
    try:
        rounds = measure(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ratios = {
        kind: {
            "per_s": round(statistics.median(one[kind]["per_s"] / one["bare"]["per_s"] for one in rounds), 3),
            "cpu": round(statistics.median(one["bare"]["cpu_ms"] / one[kind]["cpu_ms"] for one in rounds), 3),
        }
        for kind in ("list", "304")
    }
    machine = {"cores": psutil.cpu_count(), "python": platform.python_version()}
    result = {"ratios": ratios, "rounds": rounds, "machine": machine}
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
