"""Nothing of an exam is lost, invented, doubled or late, whoever is killed and whatever the network does.

The seed of a run is printed with its figures; FAULTS_SEED begins elsewhere. Beside it: the judge sees what
happens when the product itself is at fault, with one fault after the other put into what it says to MongoDB.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.faults.evidence import Victim
from tests.faults.exam_campaign import ExamCampaign, ExamOutcome, ExamPlan, tell_exam
from tests.faults.exam_students import Habits
from tests.faults.product import JOURNAL_MS, Product

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("product"), pytest.mark.timeout(600)]

SEED: Final = int(os.environ.get("FAULTS_SEED", "1"))
SABOTAGE: Final = Path(__file__).with_name("sabotage")
EACH: Final = (
    Victim.WORKER,
    Victim.MONGOD,
    Victim.WORKER,
    Victim.REDIS_FLUSHED,
    Victim.REDIS,
)
HASTY: Final = Habits(thinks=(0.0, 0.1), saves=(6, 15))
# What a kill of mongod takes is saved by the journal of whoever begins or ends, and hidden by the next answer
# to the slot: these do so seldom, and look often. The journal is as slow as it may be.
WATCHFUL: Final = Habits(
    thinks=(0.0, 0.05), saves=(60, 100), slots_at_once=1, looks=0.3, changes_device=0.0, begins_together=0.0
)
SLOW_JOURNAL_MS: Final = 500
MONGOD: Final = (Victim.MONGOD,) * 6
# What is put into the product, and the rules of which at least one has to see it.
FAULTS: Final = {
    "w1": {"no_acknowledged_answer_is_lost", "what_was_seen_is_never_unseen"},
    "no literal": {"nothing_is_stored_that_nobody_sent", "no_acknowledged_answer_is_lost"},
    "no compare": {"no_acknowledged_answer_is_lost", "every_answer_is_acknowledged_for_itself"},
    "no deadline": {"nothing_is_accepted_after_the_deadline"},
    "no state": {"nothing_is_accepted_after_the_end"},
    "no session": {"whoever_lost_the_attempt_saves_nothing"},
    "another slot": {"nothing_is_stored_that_nobody_sent"},
    "read and written": {"no_acknowledged_answer_is_lost", "what_was_seen_is_never_unseen"},
    "undone": {"no_acknowledged_answer_is_lost", "what_was_seen_is_never_unseen"},
    "stale score": {"every_result_is_of_what_is_stored"},
    "ended anew": {"one_submit_wins", "no_refusal_is_untrue"},
    "swept early": {"every_attempt_ends_and_not_before_its_time"},
    "begun anew": {"an_attempt_is_begun_once"},
    "own clock": {"nothing_is_accepted_after_the_deadline"},
    "another seed": {"an_attempt_always_shows_the_same_paper"},
    "false receipts": {"every_receipt_holds"},
}
TIMED: Final = ("no deadline", "own clock")
IN_EVERY_RUN: Final = "no literal"


def told(outcome: ExamOutcome) -> list[str]:
    tell_exam(outcome)
    return [str(complaint) for complaint in outcome.complaints]


@pytest.fixture
def product(folder: Path) -> Iterator[Product]:
    """A product whose fault is what the file ``fault`` beside it says; nothing at first."""
    (folder / "fault").touch()
    with Product(folder, {"SABOTAGE": str(folder / "fault"), "PYTHONPATH": str(SABOTAGE)}) as product:
        yield product


def test_no_answer_is_lost_whoever_is_killed_and_a_fault_of_the_product_is_caught(
    product: Product, folder: Path
) -> None:
    order = list(EACH)
    Random(SEED).shuffle(order)
    plan = ExamPlan(SEED, order, writes=300, lapse=8.0, pause=(0.2, 0.8))

    outcome = ExamCampaign(product, plan).run()

    assert told(outcome) == []
    assert len(outcome.strikes) == len(order)
    assert outcome.figures()["acknowledged_writes"] >= 300

    # And with a fault in the product the same people and the same judge see it
    assert caught(product, folder / "fault", IN_EVERY_RUN) & FAULTS[IN_EVERY_RUN]


def caught(product: Product, file: Path, fault: str) -> set[str]:
    """Return the rules that complain of one fault."""
    timed, weak = fault in TIMED, fault == "w1"
    file.write_text(fault)
    product.journal_every(SLOW_JOURNAL_MS if weak else JOURNAL_MS)
    plan = ExamPlan(
        SEED,
        MONGOD if weak else (),
        students=25,
        seconds=9.0 if timed else 2.5,
        lapse=3.0 if timed else 0.0,
        pause=(0.0, 0.2) if weak else (0.0, 0.6),
        amid_saves=weak,
        habits=WATCHFUL if weak else HASTY,
        closing=5.0,
    )
    outcome = ExamCampaign(product, plan).run()
    file.write_text("")
    found = Counter(complaint.rule for complaint in outcome.complaints)
    print(fault, dict(found))
    return set(found)


@pytest.mark.nemesis
def test_every_fault_that_is_put_into_the_product_is_caught(product: Product, folder: Path) -> None:
    missed = [
        fault for fault, rules in FAULTS.items() if not caught(product, folder / "fault", fault) & rules
    ]

    assert missed == []
