"""What the interface says of itself is true, whatever it is sent: two forms of the same, by ``CASES``.

In the suite a request or two for each operation and person; with ``FUZZ_CASES`` many, and their figures are
written to ``FUZZ_REPORT`` (``make fuzz``).
"""

import json
import math
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask

from tests.authz.fuzz import Fuzz
from tests.authz.operations import operations
from tests.authz.walk import Walk

pytestmark = [pytest.mark.xdist_group("authz"), pytest.mark.timeout(7200)]

WHO: Final = ("superadmin", "superadmin", "student, own", "anonymous")  # the first gets furthest
SHORT: Final = 500


@pytest.mark.expects_errors
def test_every_reply_is_as_declared_and_tells_nothing_of_the_inside(walked: Flask, walk: Walk) -> None:
    seed, begun = int(os.environ.get("FUZZ_SEED", "1")), time.monotonic()
    cases = int(os.environ.get("FUZZ_CASES", SHORT))
    fuzz = Fuzz(walked, walk.world, walk.effects, [walk.asking.proof(name) for name in WHO], seed)

    fuzz.through(math.ceil(cases / len(operations(walked))))

    if report := os.environ.get("FUZZ_REPORT"):
        Path(report).write_text(json.dumps(told(fuzz, walked, begun), indent=1) + "\n", encoding="utf-8")
    print("\n\n".join(fuzz.findings.values()))
    assert sorted(fuzz.findings) == []
    assert fuzz.cases >= cases / 2  # an operation that takes nothing has few requests that differ


def told(fuzz: Fuzz, app: Flask, begun: float) -> dict[str, Any]:
    """Return the figures of a run."""
    return {
        "what": "requests generated from /openapi.json, and their replies checked; made by `make fuzz`",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": fuzz.seed,
        "cases": fuzz.cases,
        "operations": len(operations(app)),
        "people": sorted(set(WHO)),
        "seconds": round(time.monotonic() - begun, 1),
        "statuses": {str(status): count for status, count in sorted(fuzz.statuses.items())},
        "not_ready": fuzz.statuses[503],
        "findings": len(fuzz.findings),
    }
