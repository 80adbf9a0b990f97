"""The walk is tried: faults made from the declarations are put into the app, and each has to be found.

Here a few, other ones every day; all of them by ``make mutants``.
"""

import json
import os
import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from flask import Flask

from tests.authz.mutants import Mutant, Mutants
from tests.authz.operations import operations
from tests.authz.recording import Recorder
from tests.authz.summary import PROPERTY
from tests.authz.trial import REPEATED, Trial
from tests.authz.walk import Walk
from tests.authz.world import World

pytestmark = [pytest.mark.xdist_group("authz"), pytest.mark.timeout(3600)]

HERE: Final = Path(__file__).parent
FIGURES: Final = HERE.parent.parent / "docs" / "mutants.json"
WANTED: Final = os.environ.get("MUTANTS", "")  # "all", or the seed of a choice that is to be repeated
FEW: Final = 40
FEW_METHODS: Final = 15


@pytest.fixture(scope="module")
def trial(walked: Flask, whole_walk: Walk, recorder: Recorder) -> Trial:
    """The trial; it begins when the whole walk has shown who reaches what."""
    return Trial(walked, whole_walk, recorder)


@pytest.fixture(scope="module")
def mutants(walked: Flask, trial: Trial, recorder: Recorder, world: World) -> list[Mutant]:
    return Mutants(operations(walked), recorder, a_secret(world)).all()


def seed() -> str:
    return WANTED or datetime.now(UTC).strftime("%j")


def a_secret(world: World) -> str:
    return next(str(row["password_hash"]) for row in world.snapshot["users"] if row["password_hash"])


def equivalent() -> Mapping[str, str]:
    """Return the mutants that change nothing for anybody, as they were reviewed, with the reason of each."""
    lines = (HERE / "equivalent_mutants.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition(": ") for line in lines if line and not line.startswith("#"))
    return {name: reason for name, _, reason in pairs}


@pytest.mark.expects_errors
def test_mutants_are_killed(
    mutants: list[Mutant], trial: Trial, record_property: Callable[[str, str], None]
) -> None:
    chosen = mutants if WANTED == "all" else random.Random(seed()).sample(mutants, FEW)
    known = equivalent()

    killed = {mutant.name: trial.kills(mutant) for mutant in chosen}

    alive = sorted(name for name, by in killed.items() if not by)
    survivors = [name for name in alive if name not in known]
    dead = len(killed) - len(alive)
    record_property(
        PROPERTY,
        f"mutants: {len(killed)} made ({seed()} of {len(mutants)}), {dead} killed,"
        f" {len(alive) - len(survivors)} equivalent, survivors: {', '.join(survivors) or 'none'}",
    )
    if WANTED == "all":
        write_figures(killed, [name for name in alive if name in known], survivors)
        assert sorted(known.keys() - set(alive)) == [], (
            "these are not equivalent, or there are no such mutants"
        )
    assert survivors == []


def test_a_scope_that_holds_nothing_finds_nothing_and_touches_nobody_s(
    trial: Trial, recorder: Recorder
) -> None:
    methods = (
        recorder.methods if WANTED == "all" else random.Random(seed()).sample(recorder.methods, FEW_METHODS)
    )

    reaching = {
        str(method): outcome
        for method in methods
        for outcome in trial.usual(method)
        if outcome.moved or outcome.unscoped
    }

    assert reaching == {}


def test_mutants_of_every_kind_are_made(mutants: list[Mutant]) -> None:
    made = Counter(mutant.name.partition(" ")[0] for mutant in mutants)

    assert set(made) == {"scope", "grant", "module", "output", "route"}
    assert len({mutant.name for mutant in mutants}) == len(mutants)


def write_figures(killed: Mapping[str, str], same: list[str], survivors: list[str]) -> None:
    made = Counter(name.partition(" ")[0] for name in killed)
    figures = {
        "made": len(killed),
        "of_kind": dict(sorted(made.items())),
        "killed": sum(1 for by in killed.values() if by),
        "by_repeated_calls_only": sum(1 for by in killed.values() if by == REPEATED),
        "equivalent": same,
        "survivors": survivors,
    }
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
