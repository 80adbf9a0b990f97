"""The long form for exams: ``python -m tests.faults.exam_nemesis`` writes docs/nemesis_exam.json.

It kills KILLS times (300) while WRITES answers (100,000) are acknowledged; REPORT names another file, SEED
begins elsewhere, ROUND_SECONDS (300) is the longest that one of the rounds may go on. The exit code is 1
where anything was lost, invented, doubled or late, or where the kills or the writes were not reached.
"""

import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.faults.evidence import Victim
from tests.faults.exam_campaign import ExamCampaign, ExamOutcome, ExamPlan, tell_exam
from tests.faults.exam_students import Habits
from tests.faults.nemesis import folder
from tests.faults.product import Product
from tests.servers import ROOT

ROUND: Final = 50  # kills on one product
SPARE: Final = 2  # as some are gone when their turn comes
MIX: Final = (
    *[Victim.WORKER] * 9,
    *[Victim.MONGOD] * 6,
    *[Victim.WORKERS] * 2,
    *[Victim.PAUSED] * 1,
    *[Victim.MONGOD_PAUSED] * 1,
    *[Victim.REDIS] * 2,
    *[Victim.REDIS_FLUSHED] * 1,
    *[Victim.REDIS_PAUSED] * 1,
    Victim.MASTER,
    Victim.RELOADED,
)
SUMMED: Final = (
    "starts",
    "acknowledged_writes",
    "attempts",
    "receipts_checked",
    "complaints",
)
COUNTED: Final = ("kills", "requests", "network", "ended_by")


def order(random: Random, kills: int) -> Sequence[Victim]:
    """Return whom to hit, in the shares of the mix; one starter among them."""
    victims = (list(MIX) * (kills // len(MIX) + 1))[: max(0, kills - 1)]
    random.shuffle(victims)
    return [*victims, Victim.STARTER][:kills]


def one_round(seed: int, kills: int, writes: int, longest: float) -> ExamOutcome:
    """Return the outcome of one round on a product of its own."""
    plan = ExamPlan(
        seed,
        order(Random(seed), kills + SPARE),
        writes=writes,
        longest=longest,
        lapse=60.0,
        habits=Habits(thinks=(0.02, 0.3), slots_at_once=8),
    )
    with folder() as place, Product(place, {}) as product:
        return ExamCampaign(product, plan).run()


def summary(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of all rounds together."""
    whole: dict[str, Any] = {name: sum(each[name] for each in rounds) for name in SUMMED}
    for name in COUNTED:
        together: Counter[str] = Counter()
        for each in rounds:
            together.update(each[name])
        whole[name] = dict(sorted(together.items()))
    whole["kills_in_all"] = sum(whole["kills"].values())
    return whole


def write(
    report: Path, seed: int, begun: float, rounds: Sequence[dict[str, Any]], wrong: list[str]
) -> tuple[int, int]:
    """Write what was seen so far; return how many kills and how many acknowledged answers that were."""
    written = {
        "what": "kills while students sit exams through a bad network; made by `make nemesis`",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {len(os.sched_getaffinity(0))} cores",
        "seed": seed,
        "wall_seconds": round(time.monotonic() - begun, 1),
        **summary(rounds),
        "rounds": rounds,
        "what_was_wrong": wrong[:100],
    }
    report.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return written["kills_in_all"], written["acknowledged_writes"]


def main() -> int:
    """Run, write the report after each round, return the exit code."""
    kills, writes = int(os.environ.get("KILLS") or 300), int(os.environ.get("WRITES") or 100_000)
    seed, longest = int(os.environ.get("SEED") or 1), float(os.environ.get("ROUND_SECONDS") or 300)
    report = Path(os.environ.get("REPORT") or ROOT / "docs" / "nemesis_exam.json")
    begun, rounds, wrong, done = time.monotonic(), list[dict[str, Any]](), list[str](), (0, 0)
    count = -(-kills // ROUND)
    for number in range(count):
        outcome = one_round(
            seed * 1000 + number, min(ROUND, kills - number * ROUND), -(-writes // count), longest
        )
        tell_exam(outcome)
        rounds.append(outcome.figures())
        wrong += map(str, outcome.complaints)
        done = write(report, seed, begun, rounds, wrong)
    reached = done[0] >= kills and done[1] >= writes
    said = f"{done[0]} kills, {done[1]} answers acknowledged, {len(wrong)} faults"
    print(f"{said}{'' if reached else ', fewer than asked for'}: {report}")
    return 1 if wrong or not reached else 0


if __name__ == "__main__":
    sys.exit(main())
