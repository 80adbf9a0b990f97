"""Kill what you like, when you like: nobody is forgotten, nobody is told twice, every count is true.

The seed of a run is printed with its figures. FAULTS_SEED begins the runs elsewhere: the order of the victims
and the rosters follow from it; the moments too, as far as two cores and a kernel repeat themselves.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
import requests

from tests.faults.campaign import SIZES, Campaign, Outcome, Plan, tell
from tests.faults.evidence import Victim
from tests.faults.product import Product
from tests.faults.provider import TROUBLES, TroubledProvider

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("product"), pytest.mark.timeout(600)]

SEED: Final = int(os.environ.get("FAULTS_SEED", "1"))
PASSWORD: Final = "a quiet river at dawn 7"
EACH: Final = (Victim.WORKER, Victim.MONGOD, Victim.PAUSED, Victim.MASTER)
TROUBLING: Final = (Victim.WORKER, Victim.MONGOD, Victim.PAUSED)  # beside the provider; the long form has all
OFTEN: Final = (*[Victim.WORKER] * 5, *[Victim.MONGOD] * 2, Victim.PAUSED, Victim.MASTER)
MIXES: Final = (
    (*EACH, Victim.READER, Victim.STARTER),
    pytest.param((*OFTEN, Victim.STARTER), marks=pytest.mark.nemesis),
    pytest.param((*OFTEN, Victim.READER), marks=pytest.mark.nemesis),
)


def run(folder: Path, seed: int, mix: Sequence[Victim], provider: TroubledProvider | None = None) -> Outcome:
    sizes = SIZES if provider is None else (120, 240)  # an SMS a call takes longer than a line in a file
    order = list(mix)
    Random(seed).shuffle(order)
    with Product(folder, provider.environment if provider else {}) as product:
        # with a provider every trouble has to have its turn, for which jobs must last
        cancelled = 0.25 if provider is None else 0.0
        outcome = Campaign(product, Plan(seed, order, sizes=sizes, cancelled=cancelled), provider).run()
        tell(outcome)
        assert [str(complaint) for complaint in outcome.complaints] == []
        assert Counter(strike.victim for strike in outcome.evidence.strikes).total() == len(mix)
        if provider is None:
            the_last_message_lets_its_reader_in(product)
    return outcome


def the_last_message_lets_its_reader_in(product: Product) -> None:
    """Follow the link of the newest email, as its reader would; log in with the password so set."""
    lines = (product.data_dir / "outbox.jsonl").read_text().splitlines()
    message = next(each for each in map(json.loads, reversed(lines)) if each["channel"] == "email")
    found = re.search(r"/activate\?token=([\w-]+)", message["text"])
    assert found, message["text"]
    username = message["to"].partition("@")[0].replace(".", "/")
    post(product, "/auth/activate", {"token": found[1], "new_password": PASSWORD}, 204)
    post(product, "/auth/login", {"username": username, "password": PASSWORD}, 200)


def post(product: Product, path: str, body: Any, status: int) -> None:
    reply = requests.post(product.url() + path, json=body, timeout=10)
    assert reply.status_code == status, reply.text


@pytest.mark.parametrize("mix", MIXES)
def test_the_outbox_holds_one_message_per_recipient_and_channel_whoever_is_killed(
    folder: Path, mix: Sequence[Victim]
) -> None:
    outcome = run(folder, SEED * 100 + len(mix), mix)

    assert {row["state"] for row in outcome.evidence.deliveries} == {"delivered", "skipped"}


def test_no_email_and_no_sms_has_two_effects_at_a_troubled_provider(folder: Path) -> None:
    seed = SEED * 100 + 50
    with ExitStack() as stack:
        provider = TroubledProvider(seed)
        stack.enter_context(provider.brevo)
        outcome = run(folder, seed, TROUBLING, provider)

    # Then every kind of trouble was there, units were repeated, and only the bad addresses failed
    print(json.dumps(dict(sorted(provider.done.items())), indent=1), f"{provider.repeats} calls repeated")
    assert {kind.split()[1] for kind in provider.done} == set(TROUBLES)
    assert provider.known_keys > 0
    not_sent = {row["to"] for row in outcome.evidence.deliveries if row["state"] in ("failed", "skipped")}
    assert not_sent >= provider.brevo.plan.rejected
    assert outcome.evidence.told


@pytest.mark.nemesis
def test_at_the_default_lease_killed_workers_cost_a_lease_and_no_message(folder: Path) -> None:
    seed = SEED * 100 + 90
    with Product(folder, {}, short=False) as product:
        outcome = Campaign(product, Plan(seed, [Victim.WORKERS], sizes=(520,), meddled=0.0)).run()
        tell(outcome)
        claims = [job["fence"] for job in product.db["engine_jobs"].find()]

    assert [str(complaint) for complaint in outcome.complaints] == []
    assert max(claims) > 1
