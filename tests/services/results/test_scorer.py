"""The score of an attempt: what holds whatever was saved."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.questions.rules import ChoiceScoring
from services.results.documents import AttemptResult, ResultState
from services.results.scorer import result_of, tasks_of, with_fraction
from tests.services.questions.scoring.test_score import RIGHT, WRONG
from tests.services.results.sittings import CONTENTS, KINDS, UNMARKED, D, exam, sitting

SCORED = tuple(RIGHT)  # the types that a rule alone marks
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("option", "options", "value", "text", "pairs", "order", "blanks", "children", "source", "certainty")
NEARLY = st.dictionaries(st.sampled_from(FIELDS), JUNK, max_size=3)
ANSWERS = st.sampled_from([RIGHT, WRONG, {}])


def answer(choice: dict[str, Any], kind: str) -> Any:
    return choice.get(kind)


def scored(kinds: tuple[str, ...], answers: Any, **terms: Any) -> AttemptResult:
    return result_of(exam(*kinds, **terms), CONTENTS, sitting(*answers))


def test_what_is_right_everywhere_earns_the_whole_mark() -> None:
    found = scored(SCORED, [RIGHT[kind] for kind in SCORED], mark="2.5")

    assert found.state is ResultState.SCORED
    assert found.score == found.max_score == D("2.5") * len(SCORED)
    assert [item.slot for item in found.items] == [str(n) for n in range(1, len(SCORED) + 1)]


def test_the_mark_of_the_test_counts_and_not_that_of_the_question() -> None:
    assert scored(("single",), [RIGHT["single"]], mark="7").score == 7


def test_what_is_blank_everywhere_scores_nothing_at_once_whatever_the_type() -> None:
    found = scored(KINDS, [], negative=D(1))

    assert found.state is ResultState.SCORED and found.score == 0
    assert all(item.blank for item in found.items)


def test_a_wrong_choice_costs_what_the_test_says_and_the_floor_holds_for_the_sum() -> None:
    wrong = [WRONG["single"], WRONG["true_false"]]

    assert scored(("single", "true_false"), wrong, negative=D("0.25")).score == D("-0.5")
    assert scored(("single", "true_false"), wrong, negative=D("0.25"), floor=D(0)).score == 0


def test_a_number_with_a_comma_counts_where_the_test_says_so() -> None:
    typed = [{"value": "987654,3"}]

    assert scored(("numeric",), typed).score == 0
    assert scored(("numeric",), typed, decimal_comma=True).score == 1


def test_the_last_answer_of_a_slot_that_the_test_does_not_have_is_nothing() -> None:
    one = scored(("single",), [RIGHT["single"]])

    assert scored(("single",), [RIGHT["single"], {"option": "a"}, {"text": "?"}]) == one


@pytest.mark.parametrize("kind", UNMARKED)
def test_what_no_rule_marks_waits_in_a_task_that_holds_the_answer(kind: str) -> None:
    given = {
        "essay": {"text": "W"},
        "spoken": {"file_id": "f"},
        "code": {"language": "python", "source": "1"},
    }
    test, sat = exam("single", kind), sitting(RIGHT["single"], given[kind])
    found = result_of(test, CONTENTS, sat)

    assert (found.state, found.score) == (ResultState.AWAITING, None)
    [task] = tasks_of(test, CONTENTS, sat, found)
    assert (task.id, task.slot, task.child, task.type) == ("attempt:2", "2", None, kind)
    assert task.response == given[kind]
    whole = with_fraction(found, "2", None, D("0.5"))
    assert (whole.state, whole.score) == (ResultState.SCORED, D("1.5"))


def test_a_set_waits_for_its_children_and_only_for_those_that_no_rule_marks() -> None:
    children = {kind: RIGHT[kind] for kind in SCORED} | {"essay": {"text": "W"}, "code": {"source": "1"}}
    test, sat = exam("passage_set", mark="11"), sitting({"children": children})
    found = result_of(test, CONTENTS, sat)

    tasks = tasks_of(test, CONTENTS, sat, found)
    assert [(task.id, task.child) for task in tasks] == [
        ("attempt:1:essay", "essay"),
        ("attempt:1:code", "code"),
    ]
    half = with_fraction(found, "1", "essay", D(1))
    assert half.score is None
    whole = with_fraction(half, "1", "code", D(0))
    assert whole.score == len(SCORED) + 1  # of eleven children the spoken one is blank and the program wrong
    assert whole == with_fraction(with_fraction(found, "1", "code", D(0)), "1", "essay", D(1))


def test_a_question_that_is_gone_waits_for_a_person_and_where_nothing_was_answered_for_nobody() -> None:
    test, sat = exam("single", "numeric"), sitting({"option": "b"})

    found = result_of(test, {}, sat)

    assert [(item.mark, item.blank) for item in found.items] == [(None, False), (0, True)]
    assert [task.id for task in tasks_of(test, {}, sat, found)] == ["attempt:1"]


@given(st.lists(NEARLY | JUNK, min_size=len(KINDS), max_size=len(KINDS)))
def test_whatever_was_saved_is_scored_within_bounds_and_never_raises(answers: list[Any]) -> None:
    test, sat = exam(*KINDS, negative=D("0.5")), sitting(*answers)
    found = result_of(test, CONTENTS, sat)

    for item in found.items:
        assert item.fraction is None or -1 <= item.fraction <= 1
        assert not item.blank or item.mark == 0
    assert len(tasks_of(test, CONTENTS, sat, found)) >= sum(item.mark is None for item in found.items)
    assert AttemptResult.from_mongo(found.to_mongo()) == found


@given(st.lists(JUNK, min_size=len(KINDS), max_size=len(KINDS)), st.data())
def test_a_set_with_one_unreadable_child_is_scored_for_the_others(
    junk: list[Any], data: st.DataObject
) -> None:
    spoilt = data.draw(st.sampled_from(SCORED))
    children = {kind: RIGHT[kind] for kind in SCORED} | {spoilt: junk[0], "nobody": junk[1]}

    [item] = scored(("passage_set",), [{"children": children}]).items

    others = [child.mark for child in item.children if child.name in SCORED and child.name != spoilt]
    assert others == [1] * (len(SCORED) - 1)


@given(st.lists(ANSWERS, min_size=len(SCORED), max_size=len(SCORED)), st.randoms(use_true_random=False))
def test_the_order_of_questions_changes_nothing(choices: list[dict[str, Any]], random: Any) -> None:
    asked = [(kind, answer(choice, kind)) for kind, choice in zip(SCORED, choices, strict=True)]
    mixed = random.sample(asked, len(asked))

    one, other = (
        scored(tuple(kind for kind, _ in some), [given for _, given in some], negative=D("0.3"))
        for some in (asked, mixed)
    )

    assert one.score == other.score and one.max_score == other.max_score
    assert {item.question_id: item.mark for item in one.items} == {
        item.question_id: item.mark for item in other.items
    }


@given(st.lists(ANSWERS, min_size=len(SCORED), max_size=len(SCORED)), st.sampled_from(range(len(SCORED))))
def test_a_right_answer_in_place_of_another_never_costs(choices: list[dict[str, Any]], place: int) -> None:
    answers = [answer(choice, kind) for kind, choice in zip(SCORED, choices, strict=True)]
    better = [*answers]
    better[place] = RIGHT[SCORED[place]]

    before, after = (scored(SCORED, some, negative=D("0.3")).score for some in (answers, better))

    assert before is not None and after is not None and before <= after <= len(SCORED)


@given(st.lists(ANSWERS, min_size=len(SCORED), max_size=len(SCORED)), st.decimals(-5, 5, places=2))
def test_a_floor_lifts_and_never_lowers(choices: list[dict[str, Any]], floor: Decimal) -> None:
    answers = [answer(choice, kind) for kind, choice in zip(SCORED, choices, strict=True)]

    plain, lifted = (scored(SCORED, answers, negative=D(1), floor=some).score for some in (None, floor))

    assert plain is not None and lifted == max(plain, floor)


def test_the_most_that_certainty_earns_is_all_of_the_score() -> None:
    content = CONTENTS["single:1"].model_copy(
        update={"scoring": ChoiceScoring(rule="fraction", certainty=True)}
    )
    sat = sitting({**RIGHT["single"], "certainty": 3})

    found = result_of(exam("single", "single", mark="2"), CONTENTS | {"single:1": content}, sat)

    assert [found.score, found.max_score] == [D(6), D(12)]
    assert {(item.worth, item.max_mark) for item in found.items} == {(D(2), D(6))}
