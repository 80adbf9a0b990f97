"""R7: 500 threads of two processes miss one key at once; how often is it loaded?

``python -m benchmarks.stampede`` starts MongoDB and Redis and writes ``benchmarks/results/stampede.json``.
The loader takes 0.2 s and counts itself in MongoDB. Beside it the same without a cache, and with a cache of
each process alone. Three rounds, each with a key of its own; the worst is what counts.
"""

import json
import multiprocessing
import platform
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, Final

from pymongo import MongoClient

from config.database import mongo_client
from config.settings import Settings
from startup_scripts.embedded_services import EmbeddedServices
from tests.servers import ROOT
from tests.services.freshness.machines import Machine
from utils.store import Store

RESULT: Final = ROOT / "benchmarks" / "results" / "stampede.json"
PROCESSES, THREADS, ROUNDS = 2, 250, 3
LOAD_SECONDS: Final = 0.2
KINDS: Final = ("no cache", "memory only", "both tiers")


def process(mongodb: str, redis: str, start: Barrier, told: Any) -> None:
    """Ask from many threads, for each kind and round; tell how long the slowest had to wait."""
    store = Store(mongo_client(Settings(mongodb_uri=mongodb)))
    with ExitStack() as stack, ThreadPoolExecutor(THREADS) as pool:
        for kind in KINDS:
            machine = Machine(store, redis if kind == "both tiers" else None, stack)
            for number in range(ROUNDS):
                key = f"{kind} {number}"

                def load(key: str = key) -> bytes:
                    store.db["loads"].update_one({"_id": key}, {"$inc": {"n": 1}}, upsert=True)
                    time.sleep(LOAD_SECONDS)
                    return b"value"

                def ask(_: int, key: str = key, load: Any = load, machine: Machine = machine) -> float:
                    began = time.monotonic()
                    read = machine.cache.read if key.split()[0] != "no" else lambda _key, _tags, load: load()
                    assert read(key, ["tag"], load) == b"value"
                    return time.monotonic() - began

                list(pool.map(lambda _: time.sleep(0.05), range(THREADS)))  # every thread is there
                start.wait()
                told.put((key, max(pool.map(ask, range(THREADS)))))
                start.wait()


def main() -> int:
    """Run the processes, print and write how often each key was loaded."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedServices(Path(folder), environment={}) as servers:
        spawn = multiprocessing.get_context("spawn")
        start, told = spawn.Barrier(PROCESSES), spawn.Queue()
        address = (servers.mongodb_uri, servers.redis_url, start, told)
        running = [spawn.Process(target=process, args=address) for _ in range(PROCESSES)]
        for each in running:
            each.start()
        waits = [told.get(timeout=120) for _ in range(PROCESSES * ROUNDS * len(KINDS))]
        for each in running:
            each.join()
        client: MongoClient[dict[str, Any]] = MongoClient(servers.mongodb_uri)
        loads = {row["_id"]: row["n"] for row in client.get_default_database()["loads"].find()}
        client.close()
    figures = {
        kind: {
            "most_loads": max(loads[f"{kind} {number}"] for number in range(ROUNDS)),
            "slowest_s": round(statistics.median(wait for key, wait in waits if key.startswith(kind)), 3),
        }
        for kind in KINDS
    }
    result = {"python": platform.python_version(), "asked": PROCESSES * THREADS, "figures": figures}
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    return 0 if figures["both tiers"]["most_loads"] == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
