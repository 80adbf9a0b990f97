"""Whether the time of a refused login tells what is behind a name.

``python -m benchmarks.login_timing [--tries N]`` starts the product on a folder of its own, makes accounts of
every kind, and sends N wrong logins for each kind, interleaved in a changing order, each on a name of its own
and from an address of its own. It writes ``benchmarks/results/login_timing.json``: for each pair of kinds the
AUC, how often a try of one kind takes longer than one of the other, mirrored where that is less than a half.
0.5 tells nothing.
"""

import argparse
import json
import platform
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http.client import HTTPConnection
from itertools import combinations
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import bcrypt
import psutil
from pymongo import MongoClient

from config.permissions import Role
from services.accounts.documents import User, UserStatus
from tests import servers
from tests.servers import ROOT, Server
from utils.documents import new_id

RESULT: Final = ROOT / "benchmarks" / "results" / "login_timing.json"
COST: Final = 8  # cheaper than in production: what a hash would cover shows all the more
WRONG: Final = "not at all the password"
KINDS: Final[Mapping[str, tuple[Role, UserStatus] | None]] = {
    "unknown": None,
    "student": (Role.STUDENT, UserStatus.ACTIVE),
    "staff": (Role.CAMPUS_ADMIN, UserStatus.ACTIVE),
    "invited": (Role.STUDENT, UserStatus.INVITED),
    "deactivated": (Role.STUDENT, UserStatus.DEACTIVATED),
}


def auc(some: Sequence[float], others: Sequence[float]) -> float:
    """Return how often one of the slower kind takes longer than one of the other."""
    longer = sum((a < b) + (a == b) / 2 for a in some for b in others) / (len(some) * len(others))
    return max(longer, 1 - longer)


def make_accounts(uri: str, tries: int) -> None:
    """Put accounts of every kind into the database, beside those that the server has made."""
    now, stored = datetime.now(UTC), bcrypt.hashpw(b"a" * 64, bcrypt.gensalt(COST)).decode()
    with MongoClient[dict[str, Any]](uri) as client:
        db = client.get_default_database()
        for kind, made in KINDS.items():
            if made is None:
                continue
            role, status = made
            users = [
                User(
                    id=new_id(),
                    username=f"{kind}{number}",
                    role=role,
                    status=status,
                    name=kind,
                    name_key=kind,
                    campus_id="c",
                    password_hash=None if status is UserStatus.INVITED else stored,
                    created_at=now,
                    updated_at=now,
                )
                for number in range(tries)
            ]
            db.users.insert_many([user.to_mongo() for user in users])
            db.login_identifiers.insert_many([{"_id": u.username, "user_id": u.id} for u in users])


def measure(url: str, tries: int) -> dict[str, list[float]]:
    """Return the milliseconds of each kind's refused logins."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(-2, tries):  # the first two rounds warm up
        for place, kind in enumerate(random.sample(list(KINDS), len(KINDS))):
            body = json.dumps({"username": f"{kind}{abs(number)}", "password": WRONG})
            address = f"10.{place}.{(number + 2) // 250}.{(number + 2) % 250}"
            headers = {"Content-Type": "application/json", "X-Forwarded-For": address}
            began = time.perf_counter()
            connection.request("POST", "/auth/login", body, headers)
            reply = connection.getresponse()
            reply.read()
            if reply.status != 401:
                raise SystemExit(f"{kind}: {reply.status}")
            if number >= 0:
                seconds[kind].append((time.perf_counter() - began) * 1000)
    return seconds


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=200)
    tries = parser.parse_args().tries
    folder = Path(tempfile.mkdtemp(prefix="versant-bench-"))
    uri = servers.mongo_server().replace("/?", "/login_timing?")
    environment = {"BCRYPT_ROUNDS": str(COST), "TRUSTED_PROXIES": "1", "MONGODB_URI": uri}
    try:
        with Server(folder / "data", environment=environment) as server:
            make_accounts(uri, tries)
            taken = measure(server.url, tries)
    finally:
        servers.stop_servers()
        shutil.rmtree(folder, ignore_errors=True)
    pairs = {f"{a} / {b}": round(auc(taken[a], taken[b]), 3) for a, b in combinations(taken, 2)}
    result = {
        "tries": tries,
        "bcrypt_rounds": COST,
        "worst_auc": max(pairs.values()),
        "auc": pairs,
        "median_ms": {kind: round(statistics.median(times), 1) for kind, times in taken.items()},
        "machine": {"cores": psutil.cpu_count(), "python": platform.python_version()},
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
