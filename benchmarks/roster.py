"""L7: a roster of 10,000 rows, previewed and applied, while requests go on; time, latency and memory.

``python -m benchmarks.roster [--rows N]`` starts the product on a folder of its own and writes
``benchmarks/results/roster.json``. Memory is the sum of PSS (proportional set size) of every process of ours:
start script, gunicorn, the parsing child, MongoDB and Redis; its peak in the run minus its value when idle.
"""

import argparse
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil

from commands.remote import Remote
from tests.servers import ROOT, Server

RESULT: Final = ROOT / "benchmarks" / "results" / "roster.json"
SAMPLE_SECONDS: Final = 0.1
REQUESTS_PER_SECOND: Final = 20
PEOPLE: Final = 8


class Memory(threading.Thread):
    """Samples the PSS of a process and all below it, by kind."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._root, self._done = psutil.Process(pid), threading.Event()
        self.peak: dict[str, float] = {}

    def now(self) -> dict[str, float]:
        """Return megabytes by kind of process, and their sum as ``all``."""
        found: dict[str, float] = {}
        for process in [self._root, *self._root.children(recursive=True)]:
            with suppress(psutil.Error):
                kind = _kind(process)
                found[kind] = found.get(kind, 0.0) + process.memory_full_info().pss / 1e6
        return found | {"all": sum(found.values())}

    def cpu(self) -> dict[str, float]:
        """Return seconds of CPU so far, by kind of process; ended ones count with their parents."""
        found: dict[str, float] = {}
        for process in [self._root, *self._root.children(recursive=True)]:
            with suppress(psutil.Error):
                kind, times = _kind(process), process.cpu_times()
                spent = times.user + times.system + times.children_user + times.children_system
                found[kind] = found.get(kind, 0.0) + spent
        return found

    def run(self) -> None:
        """Keep the sample with the largest sum."""
        while not self._done.wait(SAMPLE_SECONDS):
            sample = self.now()
            if sample["all"] > self.peak.get("all", 0.0):
                self.peak = sample

    def stop(self) -> None:
        """End the sampling."""
        self._done.set()
        self.join()


class Traffic:
    """Reads a list at a steady rate, as other people would meanwhile; latency counts from the schedule."""

    def __init__(self, remotes: Sequence[Remote]) -> None:
        self._done = threading.Event()
        self._people = [threading.Thread(target=self._ask, args=(remote,), daemon=True) for remote in remotes]
        self.milliseconds: list[float] = []
        self.errors = 0

    def start(self) -> None:
        """Begin to ask."""
        for person in self._people:
            person.start()

    def _ask(self, remote: Remote) -> None:
        begun, number = time.monotonic(), 0
        while not self._done.is_set():
            due = begun + number * len(self._people) / REQUESTS_PER_SECOND
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                remote.call("GET", "/student_management/students?limit=50")
            except Exception:
                self.errors += 1
            self.milliseconds.append((time.monotonic() - due) * 1000)
            number += 1

    def stop(self) -> dict[str, float]:
        """End the traffic; return its figures."""
        self._done.set()
        for person in self._people:
            person.join()
        ordered = sorted(self.milliseconds)
        return {
            "requests": len(ordered),
            "errors": self.errors,
            "p50_ms": round(statistics.median(ordered), 1),
            "p99_ms": round(ordered[int(len(ordered) * 0.99) - 1], 1),
        }


def _kind(process: psutil.Process) -> str:
    words = " ".join(process.cmdline())
    for kind in ("mongod", "valkey", "redis-server", "limited_process", "roster.child", "gunicorn"):
        if kind in words:
            return "parsing child" if kind in ("limited_process", "roster.child") else kind
    return "start script"


def _state(remote: Remote, import_id: str, wanted: set[str]) -> Iterator[dict[str, Any]]:
    while True:
        shown = remote.call("GET", f"/student_management/imports/{import_id}")
        yield shown
        if shown["state"] in wanted:
            return
        time.sleep(0.05)


def waited_for(remote: Remote, import_id: str, *wanted: str) -> tuple[dict[str, Any], float]:
    """Return an import once it is in one of these states, and the seconds that took."""
    begun = time.monotonic()
    last: dict[str, Any] = {}
    for shown in _state(remote, import_id, {*wanted, "failed"}):
        last = shown
    if last["state"] == "failed":
        raise SystemExit(f"the import failed: {last['failure']}")
    return last, time.monotonic() - begun


def batch(remote: Remote) -> str:
    """Make a campus with two courses and return a batch of both."""
    place = {"name": "Bench Campus", "code": "BENCH", "timezone": "Asia/Kolkata"}
    campus = remote.call("POST", "/campus_management/campuses", json=place)["id"]
    courses = [
        remote.call(
            "POST", "/course_management/courses", json={"campus_id": campus, "name": name, "code": name}
        )["id"]
        for name in ("CSE", "ECE")
    ]
    batch = {"campus_id": campus, "name": "Bench Batch", "course_ids": courses}
    return str(remote.call("POST", "/batch_management/batches", json=batch)["id"])


def measure(server: Server, roster: Path) -> dict[str, Any]:
    """Return the figures of one import on a fresh server."""
    kept = json.loads((server.data_dir / "superadmin.json").read_text())
    remote = Remote(server.url, kept["username"], kept["password"])
    others = [Remote(server.url, kept["username"], kept["password"]) for _ in range(PEOPLE)]
    for each in (remote, *others):
        each.log_in()
    form = {"batch_id": batch(remote)}
    memory, traffic = Memory(server.child.pid), Traffic(others)
    time.sleep(3)
    idle, before = memory.now(), memory.cpu()
    memory.start()
    traffic.start()
    begun = time.monotonic()
    with roster.open("rb") as file:
        made = remote.call(
            "POST", "/student_management/imports", data=form, files={"file": (roster.name, file)}
        )
    shown, _ = waited_for(remote, made["id"], "previewed")
    previewed = time.monotonic() - begun
    begun = time.monotonic()
    committed = remote.call(
        "POST", f"/student_management/imports/{made['id']}/commit", json={"channels": ["email", "sms"]}
    )
    _, applied = waited_for(remote, made["id"], "applied")
    while True:
        job = remote.call("GET", f"/batch_processing/jobs/{committed['job_id']}")
        if job["state"] == "completed":
            break
        time.sleep(0.1)
    sent = time.monotonic() - begun
    figures = traffic.stop()
    memory.stop()
    spent = {kind: round(seconds - before.get(kind, 0.0), 1) for kind, seconds in memory.cpu().items()}
    return {
        "cpu_s": spent,
        "rows": shown["counts"],
        "previewed_s": round(previewed, 2),
        "applied_s": round(applied, 2),
        "all_messages_delivered_s": round(sent, 2),
        "messages": job["counts"]["delivered"],
        "traffic": figures,
        "idle_pss_mb": {kind: round(mb) for kind, mb in idle.items()},
        "peak_pss_mb": {kind: round(mb) for kind, mb in memory.peak.items()},
        "above_idle_mb": round(memory.peak["all"] - idle["all"]),
    }


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    rows = parser.parse_args().rows
    folder = Path(tempfile.mkdtemp(prefix="versant-bench-"))
    roster = folder / f"roster_{rows}.xlsx"
    make = [
        sys.executable,
        str(ROOT / "samples" / "make_roster.py"),
        "--rows",
        str(rows),
        "--out",
        str(roster),
    ]
    subprocess.run(make, check=True, cwd=ROOT)
    try:
        with Server(folder / "data") as server:
            result = measure(server, roster)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result["machine"] = {"cores": psutil.cpu_count(), "python": platform.python_version()}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
