"""L1, L3, L4, L5: an exam under load, on one machine with everything on it, the load generator included.

``python -m benchmarks.exam`` starts the product on a folder of its own and writes
``benchmarks/results/exam.json``. ``ONLY`` names some of the stages (L4, L3, L5, L1; they run in this order);
what the others found before stays in the file. Sizes and seconds: the variables in ``Sizes``.

L4: everybody presses start within ten seconds. L3: saves as fast as they go, from 16 and from 64 connections
without a pause, beside a naive handler in the same rounds; then at fixed rates, each higher than the one
before, as long as p99 holds. L5: everybody submits within ten seconds, then all have to be scored. L1:
students who save every 30 to 90 seconds, each over a connection of its own, in growing numbers.

Afterwards everything that was acknowledged is looked for in the database.
"""

import asyncio
import json
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import psutil
from pymongo import MongoClient

from benchmarks.load import Client, Samples, evenly, offered, saturated
from benchmarks.naive import naive_server
from benchmarks.roster import Memory
from benchmarks.sitters import QUESTIONS, Exam
from tests.exam_hall import DEVICES, Hall
from tests.faults.client import PatientClient
from tests.servers import ROOT, Server

RESULT: Final = ROOT / "benchmarks" / "results" / "exam.json"
STAGES: Final = ("L4", "L3", "L5", "L1")
RUSH_SECONDS: Final = 10.0
SCORED_SECONDS: Final = 60.0
THINKS: Final = (30.0, 90.0)
CONNECTIONS: Final = (16, 64)
TRIES: Final = 10
ENVIRONMENT: Final = {"ACCESS_TOKEN_SECONDS": "3600", "LOG_LEVEL": "WARNING", "BCRYPT_ROUNDS": "4"}
L1_P95, L1_P99, L3_P99, RUSH_P99 = 60.0, 150.0, 250.0, 1500.0


def _numbers(name: str, default: str) -> tuple[int, ...]:
    return tuple(int(part) for part in (os.environ.get(name) or default).split(","))


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything, from the environment: ``L3_ROUNDS=1 L3_RATES=300,450 python -m …``."""

    workers: int = field(default_factory=lambda: _numbers("WORKERS", "2")[0])
    students: int = field(default_factory=lambda: _numbers("STUDENTS", "1000")[0])
    l3_rounds: int = field(default_factory=lambda: _numbers("L3_ROUNDS", "3")[0])
    l3_seconds: int = field(default_factory=lambda: _numbers("L3_SECONDS", "15")[0])
    l3_rates: tuple[int, ...] = field(
        default_factory=lambda: _numbers("L3_RATES", "200,300,400,450,500,600,700")
    )
    l1_students: tuple[int, ...] = field(default_factory=lambda: _numbers("L1_STUDENTS", "1000,2500"))
    l1_seconds: int = field(default_factory=lambda: _numbers("L1_SECONDS", "1200")[0])


async def l4(exam: Exam) -> dict[str, Any]:
    """Everybody presses start within ten seconds."""
    random, client = Random(4), exam.client()
    times = sorted(random.uniform(0, RUSH_SECONDS) for _ in exam.sitters)
    samples = await offered(times, exam.start(client))
    begun = len({sitter.attempt for sitter in exam.sitters} - {""})
    holds = samples.quantile(0.99) <= RUSH_P99 and begun == len(exam.sitters)
    for number, sitter in enumerate(exam.sitters):  # whoever was turned away presses again
        for _ in range(TRIES):
            if not sitter.attempt:
                await exam.start(client)(number)
    client.close()
    return {**samples.figures(), "attempts": begun, "holds": holds}


async def l5(exam: Exam) -> dict[str, Any]:
    """Everybody submits within ten seconds; then all are scored."""
    random, client = Random(5), exam.client()
    times = sorted(random.uniform(0, RUSH_SECONDS) for _ in exam.sitters)
    samples = await offered(times, exam.submit(client))
    client.close()
    begun = time.monotonic()
    while exam.results() < len(exam.sitters) and time.monotonic() - begun < SCORED_SECONDS:
        await asyncio.sleep(0.1)
    scored, waited = exam.results(), time.monotonic() - begun
    holds = samples.quantile(0.99) <= RUSH_P99 and scored == len(exam.sitters)
    return {**samples.figures(), "scored": scored, "scored_after_s": round(waited, 1), "holds": holds}


async def l3(exam: Exam, sizes: Sizes, uri: str) -> dict[str, Any]:
    """Saves as fast as they go, beside the naive handler; then at rates that grow as long as p99 holds.

    ``few``: as many students as connections; ``all``: everybody in turn, so that nobody is remembered from
    the save before.
    """
    rounds: list[dict[str, Any]] = []
    with naive_server(uri, sizes.workers, [sitter.attempt for sitter in exam.sitters]) as where:
        for _ in range(sizes.l3_rounds):
            found: dict[str, Any] = {}
            for clients in CONNECTIONS:
                ours, theirs = exam.client(clients), Client(*where, clients)
                kinds = {
                    "few": exam.save(ours, partial(_in_turn, clients)),
                    "all": exam.save(ours),
                    "naive": exam.unkept().save(theirs),
                }
                for kind, do in kinds.items():
                    found[f"{kind}_{clients}"] = (await saturated(clients, sizes.l3_seconds, do)).figures()
                ours.close()
                theirs.close()
            rounds.append(found)
            print(
                json.dumps({name: (one["per_s"], one["p99_ms"]) for name, one in found.items()}), flush=True
            )
    return {"saturated": rounds, "medians": _medians(rounds), "rates": await _rates(exam, sizes)}


def _in_turn(count: int, number: int) -> int:
    return number % count


def _medians(rounds: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return saves a second of each kind, and ours against the naive handler's in the same round."""
    found: dict[str, float] = {}
    for name in rounds[0] if rounds else ():
        kind, _, clients = name.partition("_")
        found[name] = statistics.median(one[name]["per_s"] for one in rounds)
        if kind != "naive":
            ratios = [one[name]["per_s"] / one[f"naive_{clients}"]["per_s"] for one in rounds]
            found[f"{name}_ratio"] = round(statistics.median(ratios), 2)
    return found


async def _rates(exam: Exam, sizes: Sizes) -> list[dict[str, Any]]:
    """Return the figures of each rate, the first that does not hold included."""
    found: list[dict[str, Any]] = []
    for rate in sizes.l3_rates:
        client = exam.client()
        samples = await offered(evenly(rate * sizes.l3_seconds, sizes.l3_seconds), exam.save(client))
        client.close()
        holds = samples.quantile(0.99) <= L3_P99 and not samples.failed
        found.append({"rate": rate, **samples.figures(), "holds": holds})
        print(json.dumps(found[-1]), flush=True)
        if not holds:
            break
    return found


async def l1(exam: Exam, seconds: int) -> dict[str, Any]:
    """Students who think for a while and save, each over a connection of its own."""
    random, begin = Random(1), exam.client()
    await offered(evenly(len(exam.sitters), len(exam.sitters) / 50), exam.start(begin))
    begin.close()
    plan: list[tuple[float, int]] = []
    for number in range(len(exam.sitters)):
        at = random.uniform(0, THINKS[1])
        while at < seconds:
            plan.append((at, number))
            at += random.uniform(*THINKS)
    plan.sort()
    client = exam.client(fresh=True)
    samples: Samples = await offered(
        [at for at, _ in plan], exam.save(client, lambda number: plan[number][1])
    )
    holds = samples.quantile(0.95) <= L1_P95 and samples.quantile(0.99) <= L1_P99 and not samples.failed
    return {"students": len(exam.sitters), **samples.figures(), "lost": exam.lost(), "holds": holds}


async def measured(
    server: Server, hall: Hall, uri: str, sizes: Sizes, wanted: Sequence[str]
) -> dict[str, Any]:
    """Return the figures of the stages, each with the CPU that every kind of process took."""
    tokens = [seat.tokens[DEVICES[0]] for seat in hall.seats(max(sizes.students, *sizes.l1_students))]
    questions, found = hall.questions(QUESTIONS), dict[str, Any]()
    watch = Memory(server.child.pid)

    def exam(name: str, students: int) -> Exam:
        test_id = hall.test(questions, name, 300, timedelta(hours=6))
        return Exam(hall, test_id, tokens[:students], server.url)

    rush = exam("Rush", sizes.students)

    def calm(students: int) -> Callable[[], Any]:
        return lambda: l1(exam(f"Calm {students}", students), sizes.l1_seconds)

    stages: dict[str, Callable[[], Any]] = {
        "L4": lambda: l4(rush),
        "L3": lambda: l3(rush, sizes, uri),
        "L5": lambda: l5(rush),
        **{f"L1_{students}": calm(students) for students in sizes.l1_students},
    }
    for name, stage in stages.items():
        if name.partition("_")[0] not in wanted and not (name == "L4" and {"L3", "L5"} & set(wanted)):
            continue
        before, own, begun = watch.cpu(), time.process_time(), time.monotonic()
        figures = await stage()
        spent = {kind: round(used - before.get(kind, 0.0), 1) for kind, used in watch.cpu().items()}
        spent["load generator"] = round(time.process_time() - own, 1)
        took = round(time.monotonic() - begun, 1)
        found[name] = {
            **figures,
            "cpu_s": spent,
            "seconds": took,
            "lost": rush.lost() if "L1" not in name else figures["lost"],
        }
        print(json.dumps({name: found[name]}), flush=True)
        if figures.get("holds") is False and name.startswith("L1"):
            break
    return found


def main() -> None:
    """Measure and write the result."""
    sizes, wanted = Sizes(), tuple((os.environ.get("ONLY") or ",".join(STAGES)).split(","))
    folder = Path(tempfile.mkdtemp(prefix="versant-bench-"))
    try:
        with Server(folder / "data", "--workers", str(sizes.workers), environment=ENVIRONMENT) as server:
            uri = json.loads((server.data_dir / "running.json").read_text())["MONGODB_URI"]
            client = PatientClient(lambda: server.url)
            client.log_in(server.data_dir / "superadmin.json")
            with MongoClient[dict[str, Any]](uri, tz_aware=True) as mongo:
                hall = Hall.opened(client, mongo.get_default_database(), server.data_dir)
                found = asyncio.run(measured(server, hall, uri, sizes, wanted))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    before = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    machine = {"cores": psutil.cpu_count(), "python": platform.python_version(), "workers": sizes.workers}
    at = datetime.now(UTC).isoformat(timespec="seconds")
    written = {
        "machine": machine,
        "stages": before.get("stages", {}) | {name: {"at": at, **one} for name, one in found.items()},
    }
    RESULT.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
