"""The long form: ``python -m tests.faults.nemesis`` kills KILLS times (100) and writes what it saw to REPORT.

Half of the kills fall on imports and jobs with the outbox, half on a troubled provider. SEED begins
elsewhere. The exit code is 1 where anything was lost, doubled or untrue.
"""

import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.faults.campaign import Campaign, Outcome, Plan, tell
from tests.faults.evidence import Victim
from tests.faults.product import Product
from tests.faults.provider import TroubledProvider
from tests.servers import ROOT, fast_disk

ROUND: Final = 25  # kills on one product; then a new one, so that a fault shows near its cause
FEWEST_ROUNDS: Final = 2  # one with the outbox, one with the provider
MIX: Final = (
    *[Victim.WORKER] * 10,
    *[Victim.MONGOD] * 5,
    *[Victim.PAUSED] * 3,
    *[Victim.READER] * 2,
    Victim.MASTER,
    Victim.MASTER,
    Victim.STARTER,
    Victim.ASKED_WORKER,
    Victim.RELOADED,
)
SUMMED: Final = (
    "starts",
    "imports",
    "students",
    "messages",
    "duplicates",
    "requests_repeated",
    "seconds",
    "complaints",
)
COUNTED: Final = ("kills", "done_to_jobs", "deliveries", "told", "unknown", "failed")


def order(random: Random, kills: int) -> Sequence[Victim]:
    """Return whom to kill, in the shares of the mix."""
    victims = list(MIX) * (kills // len(MIX) + 1)
    random.shuffle(victims)
    return victims[:kills]


@contextmanager
def folder() -> Iterator[Path]:
    """Lend a folder for one product."""
    made = Path(tempfile.mkdtemp(prefix="versant-nemesis-", dir=fast_disk()))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def campaign(seed: int, kills: int, *, troubled: bool) -> Outcome:
    """Return the outcome of one round."""
    with ExitStack() as stack:
        provider = TroubledProvider(seed) if troubled else None
        if provider:
            stack.enter_context(provider.brevo)
        product = Product(stack.enter_context(folder()), provider.environment if provider else {})
        stack.enter_context(product)
        plan = Plan(seed, order(Random(seed), kills), seconds=200.0)
        return Campaign(product, plan, provider).run()


def summary(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of all rounds together."""
    whole: dict[str, Any] = {name: round(sum(each[name] for each in rounds), 1) for name in SUMMED}
    for name in COUNTED:
        together: Counter[str] = Counter()
        for each in rounds:
            together.update(each[name])
        whole[name] = dict(sorted(together.items()))
    whole["kills_in_all"] = sum(whole["kills"].values())
    return whole


def main() -> int:
    """Run, write the report, return the exit code."""
    kills, seed = int(os.environ.get("KILLS", "100")), int(os.environ.get("SEED", "1"))
    report = Path(os.environ.get("REPORT") or ROOT / "docs" / "nemesis.json")
    begun, rounds, complaints = time.monotonic(), [], list[str]()
    each = min(ROUND, -(-kills // FEWEST_ROUNDS))
    for number, left in enumerate(range(kills, 0, -each)):
        outcome = campaign(seed * 1000 + number, min(each, left), troubled=bool(number % 2))
        tell(outcome)
        rounds.append({"provider": "Brevo" if number % 2 else "outbox"} | outcome.figures())
        complaints += map(str, outcome.complaints)
    written = {
        "what": "kills during imports and jobs; made by `make nemesis`",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {len(os.sched_getaffinity(0))} cores",
        "seed": seed,
        "wall_seconds": round(time.monotonic() - begun, 1),
        **summary(rounds),
        "rounds": rounds,
        "what_was_wrong": complaints,
    }
    report.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    print(
        f"{written['kills_in_all']} kills, {written['messages']} messages, {len(complaints)} faults: {report}"
    )
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
