"""The ladder: what is open follows from the modules, from what was reached and from overrides."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.practice.ladder import Action, Place, Step, Why, ladder, percent, place_of
from services.questions.documents import QuestionModule

LEVELS = ("BEGINNER", "INTERMEDIATE", "ADVANCED")
READING = QuestionModule(id="READING", name="Reading", levels=LEVELS, position=1)
GRAMMAR = QuestionModule(
    id="GRAMMAR", name="Grammar", levels=LEVELS, topics=("NOUN", "PRONOUN", "VERB"), position=0
)
MODULES = [GRAMMAR, READING]
PLACES = [step.place for step in ladder(MODULES, {}, {})]


def climbed(
    best: dict[Place, int | str] | None = None, overrides: dict[Place, Action] | None = None
) -> dict[Place, Step]:
    reached = {place: Decimal(value) for place, value in (best or {}).items()}
    return {step.place: step for step in ladder(MODULES, reached, overrides or {})}


def opened(
    best: dict[Place, int | str] | None = None, overrides: dict[Place, Action] | None = None
) -> set[Place]:
    return {place for place, step in climbed(best, overrides).items() if step.open}


def reading(number: int) -> Place:
    return Place("READING", None, LEVELS[number])


def grammar(topic: str, number: int = 0) -> Place:
    return Place("GRAMMAR", topic, LEVELS[number])


START = {reading(0), Place("GRAMMAR", None, "BEGINNER"), grammar("NOUN")}


def test_every_first_level_and_the_first_topic_are_open_from_the_start() -> None:
    assert opened() == START
    assert climbed()[grammar("NOUN")].why is Why.START


@pytest.mark.parametrize(("reached", "is_open"), [("59.99", False), ("60", True), ("100", True)])
def test_sixty_percent_opens_the_next_level(reached: str, is_open: bool) -> None:
    steps = climbed({reading(0): reached})

    assert steps[reading(1)].open is is_open
    assert steps[reading(1)].after == reading(0)
    assert steps[reading(0)].passed is is_open
    assert not steps[reading(2)].open


def test_the_first_level_of_a_topic_opens_the_next_topic() -> None:
    assert opened({grammar("NOUN"): 60}) == START | {grammar("NOUN", 1), grammar("PRONOUN")}
    assert opened({grammar("NOUN", 1): 100}) == START | {grammar("NOUN", 2)}


def test_a_module_says_for_itself_what_is_enough() -> None:
    strict = READING.model_copy(update={"pass_percent": 80})

    [_, second, _] = ladder([strict], {reading(0): Decimal(79)}, {})

    assert (second.open, second.why) == (False, Why.NOT_PASSED)


def test_what_an_admin_unlocks_is_open_and_not_passed() -> None:
    steps = climbed(overrides={reading(2): Action.UNLOCK})

    assert (steps[reading(2)].open, steps[reading(2)].why, steps[reading(2)].passed) == (
        True,
        Why.UNLOCKED,
        False,
    )
    assert not steps[reading(1)].open


def test_what_an_admin_locks_is_closed_whatever_was_reached() -> None:
    steps = climbed({reading(0): 100, reading(1): 100}, {reading(1): Action.LOCK})

    assert [steps[reading(n)].open for n in range(3)] == [True, False, True]
    assert steps[reading(1)].why is Why.LOCKED


def test_the_narrowest_override_decides() -> None:
    found = opened(
        overrides={
            Place("GRAMMAR"): Action.LOCK,
            Place("GRAMMAR", "VERB"): Action.UNLOCK,
            grammar("VERB", 2): Action.LOCK,
        }
    )

    assert found == {reading(0), grammar("VERB", 0), grammar("VERB", 1)}


def test_a_test_belongs_to_the_step_that_it_names() -> None:
    assert place_of(GRAMMAR, "VERB", "ADVANCED") == grammar("VERB", 2)
    assert place_of(READING) == reading(0)
    assert place_of(None) is place_of(READING, "NOUN") is place_of(READING, level="MASTER") is None


def test_of_a_test_that_gives_nothing_nothing_is_reached() -> None:
    assert percent(Decimal("1.5"), Decimal("2.5")) == 60
    assert percent(Decimal(0), Decimal(0)) == 0


REACHED = st.dictionaries(st.sampled_from(PLACES), st.integers(0, 100))
OVERRIDDEN = st.dictionaries(
    st.sampled_from([*PLACES, *(around for place in PLACES for around in place.around)]),
    st.sampled_from([Action.UNLOCK, Action.LOCK]),
)


@given(REACHED, OVERRIDDEN, st.sampled_from(PLACES))
def test_reaching_more_never_closes_anything(
    best: dict[Place, int | str], overrides: dict[Place, Action], place: Place
) -> None:
    assert opened(best, overrides) <= opened(best | {place: 100}, overrides)


@given(REACHED, OVERRIDDEN)
def test_every_open_step_has_its_reason(best: dict[Place, int | str], overrides: dict[Place, Action]) -> None:
    steps = climbed(best, overrides)

    for step in steps.values():
        assert step.open == (step.why in (Why.START, Why.PASSED, Why.UNLOCKED))
        if step.why is Why.PASSED:
            assert step.after is not None and steps[step.after].passed
