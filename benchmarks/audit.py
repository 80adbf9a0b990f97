"""What the audit log costs whoever is audited, and how fast its rows are sealed and checked.

``python -m benchmarks.audit`` starts MongoDB and writes ``benchmarks/results/audit.json``. Eight threads
commit transactions that change one row each: without an audit row; with one as it was stored before there
were chains; with one as it is now; and with one that is chained in the same transaction.
"""

import json
import platform
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from config.database import mongo_client
from config.settings import Settings
from services.audit.area import AuditArea
from services.audit.documents import AUDIT, INDEXES
from startup_scripts.embedded_services import EmbeddedServices
from tests.servers import ROOT
from utils.clock import SystemClock
from utils.documents import new_id
from utils.scope import Scope
from utils.store import Store

RESULT: Final = ROOT / "benchmarks" / "results" / "audit.json"
SECONDS, ROUNDS, THREADS, ROWS = 3.0, 3, 8, 20_000
EVERYTHING: Final = Scope.everything()
OLD_INDEXES: Final = [
    IndexModel([("campus_id", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="by_campus"),
    IndexModel([("action", ASCENDING), ("campus_id", ASCENDING), ("at", DESCENDING)], name="by_action"),
]


class Bench:
    """One database and the log in it."""

    def __init__(self, mongodb: str) -> None:
        self.store = Store(mongo_client(Settings(mongodb_uri=mongodb)))
        self.audits = AuditArea.over(self.store, "a secret of the benchmark", SystemClock())
        self.effects = self.store.rows("effects")
        self.old = self.store.rows("old_audit")
        self.store.db["old_audit"].create_indexes(OLD_INDEXES)
        for name, indexes in INDEXES.items():
            self.store.db.create_collection(name)
            if indexes:
                self.store.db[name].create_indexes(indexes)
        self.store.db.create_collection("effects")

    def record(self, campus_id: str) -> None:
        """Add a row as it is now."""
        self.audits.service.record(
            "student.changed", actor_id="a" * 24, campus_id=campus_id, target="s" * 24, fields=["name"]
        )

    def record_as_before(self, campus_id: str) -> None:
        """Add a row as it was before there were chains."""
        row = {"_id": new_id(), "campus_id": campus_id, "action": "student.changed", "actor_id": "a" * 24}
        now = SystemClock().now()
        self.old.insert(
            EVERYTHING,
            row | {"target": "s" * 24, "detail": {"fields": ["name"]}, "request_id": "", "at": now},
        )

    def chained(self, campus_id: str) -> None:
        """Add a row and seal it at once."""
        self.record(campus_id)
        self.audits.sealer.tick()

    def commits(self, audit: Callable[[str], None]) -> float:
        """Return how many transactions a second are committed."""
        campus_id, until, done = new_id(), time.monotonic() + SECONDS, [0] * THREADS

        def work(thread: int) -> None:
            self.effects.update_one(EVERYTHING, {"_id": f"{thread}"}, {"$inc": {"n": 1}}, upsert=True)
            audit(campus_id)

        def keep(thread: int) -> None:
            while time.monotonic() < until:
                self.store.atomically(lambda: work(thread))
                done[thread] += 1

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(keep, range(THREADS)))
        return sum(done) / SECONDS


def measured(bench: Bench) -> dict[str, Any]:
    """Return every figure, the median of some rounds."""
    kinds: dict[str, Callable[[str], None]] = {
        "no audit": lambda _: None,
        "as before": bench.record_as_before,
        "now": bench.record,
        "chained at once": bench.chained,
    }
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(ROUNDS):
        for kind, audit in kinds.items():
            rates[kind].append(bench.commits(audit))
            bench.audits.sealer.tick()
    campus_id = new_id()
    threads = [threading.Thread(target=_add, args=(bench, campus_id)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sealing, sealed = _timed(bench.audits.sealer.tick)
    checking, state = _timed(lambda: bench.audits.verifier.check(campus_id))
    assert state.rows == sealed == ROWS
    assert state.broken is None
    return {
        "commits_per_s": {kind: round(statistics.median(each)) for kind, each in rates.items()},
        "sealed_per_s": round(ROWS / sealing),
        "checked_per_s": round(ROWS / checking),
        "bytes_per_row": int(bench.store.db.command("collStats", AUDIT)["avgObjSize"]),
    }


def _add(bench: Bench, campus_id: str) -> None:
    for _ in range(ROWS // THREADS):
        bench.record(campus_id)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.monotonic()
    result = work()
    return time.monotonic() - began, result


def main() -> int:
    """Measure, print and write."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedServices(Path(folder), environment={}) as servers:
        figures = measured(Bench(servers.mongodb_uri))
    result = {"python": platform.python_version(), "threads": THREADS, "figures": figures}
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
