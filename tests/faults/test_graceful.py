"""Asked to stop, a server loses nothing at all: no message, no answer, no attempt, and it is gone in time."""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.faults.campaign import Campaign, Plan, tell
from tests.faults.evidence import Victim
from tests.faults.product import Product
from tests.faults.provider import TroubledProvider

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("product"), pytest.mark.timeout(600)]

QUIET: Final = {"email": 0.0, "sms": 0.0}
DRAIN_SECONDS: Final = 30.0
TOLD: Final = ("delivered", "bounced", "complained")


def test_a_server_that_is_asked_to_stop_burns_no_attempt_and_goes_on_at_its_next_start(folder: Path) -> None:
    order = [Victim.ASKED_WORKER, Victim.ASKED, Victim.RELOADED]
    provider = TroubledProvider(7, QUIET, latency=0.03)
    with ExitStack() as stack:
        stack.enter_context(provider.brevo)
        product = stack.enter_context(Product(folder, provider.environment, short=False))
        outcome = Campaign(
            product, Plan(7, order, sizes=(240,), pause=(1.0, 2.0), meddled=0.0), provider
        ).run()
        tell(outcome)
        jobs = list(product.db["engine_jobs"].find())

    # Then it ended in order and in time
    (asked,) = (strike for strike in outcome.evidence.strikes if strike.victim is Victim.ASKED)
    ((code, at),) = product.endings
    assert code == 0
    assert (at - asked.at).total_seconds() < DRAIN_SECONDS

    # Then work was interrupted, without an attempt being burnt or an answer being lost
    assert [str(complaint) for complaint in outcome.complaints] == []
    assert {row["state"] for row in outcome.evidence.deliveries} <= {"sent", *TOLD, "skipped", "failed"}
    assert max(job["fence"] for job in jobs) > 1
    assert {job["attempt"] for job in jobs} == {1}
