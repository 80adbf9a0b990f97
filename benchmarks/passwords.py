"""R3: 500 people set a password by their links through the API, against raw bcrypt on all cores.

``python -m benchmarks.passwords [--people N]`` starts the product on a folder of its own, gives N people
accounts and links for each of three rounds, and writes ``benchmarks/results/passwords.json``. Each round
hashes raw, then through the API, then raw again, since a shared machine changes while one measures. Raw means
one thread a core, at the low priority that the server's own hashing threads have. ``cpu_ms`` is what one
password costs, alone and by kind of process; unlike the rates it does not depend on what else runs.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from threading import local
from typing import Any, Final
from urllib.parse import urlsplit

import bcrypt
import psutil

from benchmarks.roster import Memory, batch, waited_for
from commands.remote import Remote
from tests.servers import ROOT, Server

RESULT: Final = ROOT / "benchmarks" / "results" / "passwords.json"
ROUNDS: Final = 3
CLIENTS: Final = 16
COST: Final = 11
RAW_SHARE: Final = 0.4  # of the people, before and again after; a rate needs no more
NICE: Final = 10
LINK: Final = re.compile(r"token=([A-Za-z0-9_-]+)")


class Clients:
    """Asks over connections that are kept open, one for each thread."""

    def __init__(self, url: str) -> None:
        self._address, self._own = urlsplit(url).netloc, local()

    def activate(self, numbered: tuple[int, str]) -> float:
        """Set a password by a link; return the seconds that it took."""
        number, token = numbered
        if not hasattr(self._own, "connection"):
            self._own.connection = HTTPConnection(self._address, timeout=60)
        connection: HTTPConnection = self._own.connection
        body = json.dumps({"token": token, "new_password": f"quiet river {number} under birches"})
        began = time.monotonic()
        connection.request("POST", "/auth/activate", body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        words = reply.read()
        if reply.status != 204:
            raise SystemExit(f"{reply.status}: {words.decode()}")
        return time.monotonic() - began


def raw(count: int) -> tuple[float, float]:
    """Return hashes a second of bcrypt alone and milliseconds of CPU for each, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.passwords", "--raw", str(count)],
        check=True,
        cwd=ROOT,
        capture_output=True,
    )
    rate, cpu = map(float, done.stdout.split())
    return rate, cpu


def hash_here(count: int) -> tuple[float, float]:
    """Return hashes a second on one thread a core, and milliseconds of CPU for each."""
    os.nice(NICE)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        began, spent = time.monotonic(), time.process_time()
        list(pool.map(lambda _: bcrypt.hashpw(b"a" * 64, bcrypt.gensalt(COST)), range(count)))
        return count / (time.monotonic() - began), (time.process_time() - spent) / count * 1000


def through_api(url: str, tokens: Sequence[str]) -> dict[str, float]:
    """Return passwords a second through the API, and how long one took."""
    clients = Clients(url)
    with ThreadPoolExecutor(CLIENTS) as pool:
        began = time.monotonic()
        seconds = sorted(pool.map(clients.activate, enumerate(tokens)))
        took = time.monotonic() - began
    return {
        "per_s": round(len(tokens) / took, 2),
        "p50_ms": round(statistics.median(seconds) * 1000, 1),
        "p99_ms": round(seconds[int(len(seconds) * 0.99) - 1] * 1000, 1),
    }


def measure(server: Server, people: int, roster: Path) -> list[dict[str, Any]]:
    """Return the figures of each round."""
    tokens = links(server, roster)
    rounds = []
    for number in range(ROUNDS):
        mine = tokens[number * people : (number + 1) * people]
        share, memory = int(people * RAW_SHARE), Memory(server.child.pid)
        before, spent = raw(share), memory.cpu()
        api = through_api(server.url, mine)
        cpu = {kind: (all_ - spent.get(kind, 0.0)) / people * 1000 for kind, all_ in memory.cpu().items()}
        after = raw(share)
        alone = (before[0] + after[0]) / 2
        rounds.append(
            {
                "ratio": round(api["per_s"] / alone, 3),
                "raw_per_s": round(alone, 2),
                "api": api,
                "cpu_ms": {"raw": round((before[1] + after[1]) / 2, 1)}
                | {kind: round(one, 1) for kind, one in cpu.items()},
            }
        )
        print(json.dumps(rounds[-1]), flush=True)
    return rounds


def links(server: Server, roster: Path) -> list[str]:
    """Import a roster and return the tokens of its people's links."""
    kept = json.loads((server.data_dir / "superadmin.json").read_text())
    remote = Remote(server.url, kept["username"], kept["password"])
    remote.log_in()
    form = {"batch_id": batch(remote), "dry_run": "false", "channels": "sms"}
    with roster.open("rb") as file:
        made = remote.call(
            "POST", "/student_management/imports", data=form, files={"file": (roster.name, file)}
        )
    shown, _ = waited_for(remote, made["id"], "applied")
    while remote.call("GET", f"/batch_processing/jobs/{shown['job_id']}")["state"] != "completed":
        time.sleep(0.1)
    lines = (server.data_dir / "outbox.jsonl").read_text().splitlines()
    return [found[1] for line in lines if (found := LINK.search(json.loads(line)["text"]))]


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--raw", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.raw:
        print(*hash_here(given.raw))
        return
    folder = Path(tempfile.mkdtemp(prefix="versant-bench-"))
    roster = folder / "roster.xlsx"
    make = [ROOT / "samples" / "make_roster.py", "--rows", given.people * ROUNDS, "--out", roster]
    subprocess.run([sys.executable, *map(str, make)], check=True, cwd=ROOT)
    try:
        with Server(folder / "data", environment={"BCRYPT_ROUNDS": str(COST)}) as server:
            rounds = measure(server, given.people, roster)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result = {
        "people": given.people,
        "clients": CLIENTS,
        "bcrypt_rounds": COST,
        "ratio": statistics.median(one["ratio"] for one in rounds),
        "rounds": rounds,
        "machine": {"cores": psutil.cpu_count(), "python": platform.python_version()},
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
