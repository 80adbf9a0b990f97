"""R4: 10,000 emails from the POST to ``completed``, through a provider that takes 50 ms and 1 ms a message.

``python -m benchmarks.deliveries [--people N] [--runs N]`` starts the product and the provider, each in
processes of its own, and writes ``benchmarks/results/deliveries.json``. A call carries 100 messages. Beside
each run stand bare calls of the provider's SDK with bodies that are ready made, as many at once as the
product has seats: what provider and machine allow when nothing is read, rendered, or written.
"""

import argparse
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
import sib_api_v3_sdk
from pymongo import MongoClient

from assembly.work import PROVIDER_SEATS
from benchmarks.roster import Memory
from commands.remote import Remote
from services.students.documents import STUDENTS, StudentStatus
from tests.cast import Campus
from tests.fakes.brevo_server import API_KEY
from tests.servers import ROOT, Server
from tests.services.students.roll import students
from utils.batch_processor import chunked

RESULT: Final = ROOT / "benchmarks" / "results" / "deliveries.json"
PLAN: Final = {"latency": 0.05, "latency_per_message": 0.001}
UNIT: Final = 100
WORKERS: Final = 2
TIMEOUT: Final = 10.0


@contextmanager
def provider() -> Iterator[str]:
    """Yield the address of the provider, which is a process of its own."""
    command = [sys.executable, "-m", "tests.fakes.brevo_server", "--plan", json.dumps(PLAN)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().removeprefix("ready ").strip()
        finally:
            process.terminate()


def populate(remote: Remote, data_dir: Path, people: int) -> tuple[str, int]:
    """Put a batch of active students with email addresses into the database; return it and how many."""
    place = {"name": "Bench Campus", "code": "BENCH", "timezone": "Asia/Kolkata"}
    campus_id = remote.call("POST", "/campus_management/campuses", json=place)["id"]
    course = {"campus_id": campus_id, "name": "CSE", "code": "CSE"}
    course_id = remote.call("POST", "/course_management/courses", json=course)["id"]
    batch = {"campus_id": campus_id, "name": "2026", "course_ids": [course_id]}
    batch_id = str(remote.call("POST", "/batch_management/batches", json=batch)["id"])
    campus = Campus(campus_id, place["name"], (course_id, course_id), batch_id, None)  # type: ignore[arg-type]
    made = [
        student.model_copy(
            update={"email": f"{student.username}@example.com", "status": StudentStatus.ACTIVE}
        )
        for student in students(campus, "B", people)
    ]
    uri = json.loads((data_dir / "running.json").read_text())["MONGODB_URI"]
    with MongoClient[dict[str, Any]](uri) as client:
        for some in chunked(made, 1000):
            client.get_default_database()[STUDENTS].insert_many([student.to_mongo() for student in some])
    return batch_id, len(made)


def product(server: Server, remote: Remote, batch_id: str, people: int) -> dict[str, Any]:
    """Send to the whole batch; return the seconds until nobody waits and everything is said."""
    usage = Memory(server.child.pid)
    before = usage.cpu()
    wanted = {"batch_id": batch_id, "channels": ["email"], "confirm_recipients": people}
    begun = time.monotonic()
    job = remote.call("POST", "/student_management/students/send_credentials", json=wanted)
    filled = 0.0
    while job["state"] != "completed":
        time.sleep(0.2)
        job = remote.call("GET", f"/batch_processing/jobs/{job['id']}")
        if not filled and job["total"] == people:
            filled = time.monotonic() - begun
    seconds = time.monotonic() - begun
    if job["counts"]["sent"] != people:
        raise SystemExit(f"not everybody got the message: {job['counts']}")
    spent = {kind: round(cpu - before.get(kind, 0.0), 1) for kind, cpu in usage.cpu().items()}
    figures = {"seconds": round(seconds, 2), "per_s": round(people / seconds), "filled_s": round(filled, 2)}
    return {**figures, "cpu_s": spent}


def bare(url: str, people: int, seats: int) -> dict[str, Any]:
    """Make the same number of calls with bodies that are ready made."""
    configuration = sib_api_v3_sdk.Configuration()
    configuration.api_key["api-key"], configuration.host = API_KEY, url
    configuration.connection_pool_maxsize = seats
    send = sib_api_v3_sdk.TransactionalEmailsApi(sib_api_v3_sdk.ApiClient(configuration)).send_transac_email
    text = "x" * 900
    versions = [
        {"to": [{"email": f"p{n}@example.com"}], "subject": "s", "textContent": text, "htmlContent": text * 2}
        for n in range(UNIT)
    ]
    bodies = [
        sib_api_v3_sdk.SendSmtpEmail(
            sender={"email": "office@example.com"},
            subject="s",
            html_content="h",
            message_versions=versions,
            headers={"idempotencyKey": str(uuid.uuid4())},
        )
        for _ in range(people // UNIT)
    ]
    begun = time.monotonic()
    with ThreadPoolExecutor(seats) as pool:
        list(pool.map(lambda body: send(body, _request_timeout=(TIMEOUT, TIMEOUT)), bodies))
    seconds = time.monotonic() - begun
    return {"seconds": round(seconds, 2), "per_s": round(people / seconds)}


def measure(people: int, runs: int, folder: Path) -> dict[str, Any]:
    """Return the figures of every run, and their medians."""
    with provider() as url:
        environment = {
            "BREVO_API_KEY": API_KEY,
            "BREVO_API_URL": url,
            "SENDER_EMAIL": "office@example.com",
            "SMS_SENDER": "VERSANT",
        }
        with Server(folder / "data", "--workers", str(WORKERS), environment=environment) as server:
            kept = json.loads((server.data_dir / "superadmin.json").read_text())
            remote = Remote(server.url, kept["username"], kept["password"])
            remote.log_in()
            batch_id, count = populate(remote, server.data_dir, people)
            seats = WORKERS * PROVIDER_SEATS
            pairs = [(product(server, remote, batch_id, count), bare(url, count, seats)) for _ in range(runs)]
    ours, theirs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return {
        "people": count,
        "runs": ours,
        "bare_runs": theirs,
        "per_s": _median(ours, "per_s"),
        "seconds": _median(ours, "seconds"),
        "filled_s": _median(ours, "filled_s"),
        "bare_per_s": _median(theirs, "per_s"),
        "of_bare": round(_median(ours, "per_s") / _median(theirs, "per_s"), 2),
    }


def _median(runs: list[dict[str, Any]], name: str) -> float:
    return statistics.median(float(run[name]) for run in runs)


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="versant-bench-"))
    try:
        result: Mapping[str, Any] = measure(options.people, options.runs, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    shown = {**result, "machine": {"cores": psutil.cpu_count(), "python": platform.python_version()}}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(shown, indent=2) + "\n")
    print(json.dumps(shown, indent=2))


if __name__ == "__main__":
    main()
