"""Whole questions scored: every type by every rule, and what holds for all of them."""

from decimal import Decimal
from typing import Any

import pytest

from services.questions.content import AnyContent, contents
from services.questions.responses import response_to
from services.questions.scoring.programs import CaseResult, Verdict
from services.questions.scoring.score import Findings, Score, Terms, most, score
from tests.questions import PLACE, QUESTIONS
from utils.problems import Invalid

D = Decimal
HEARD = Findings(transcript="KEY heard")
RIGHT: dict[str, dict[str, Any]] = {
    "single": {"option": "b"},
    "multiple": {"options": ["b", "a"]},
    "true_false": {"value": True},
    "numeric": {"value": "987654.3 m"},
    "short_text": {"text": "key-ANSWERs"},
    "matching": {"pairs": {"1": "c", "2": "a"}},
    "ordering": {"order": ["c", "a", "d", "b"]},
    "cloze": {"blanks": {"1": "KEY-blank", "2": "987654.321", "3": "2"}},
}
WRONG: dict[str, dict[str, Any]] = {
    "single": {"option": "a"},
    "multiple": {"options": ["c"]},
    "true_false": {"value": False},
    "numeric": {"value": "many"},
    "short_text": {"text": "?"},
    "matching": {"pairs": {"1": "a"}},
    "ordering": {"order": ["b", "d", "a", "c"]},
    "cloze": {"blanks": {"1": "?"}},
}


def of(kind: str, **more: Any) -> AnyContent:
    sent = {name: part for name, part in QUESTIONS[kind].items() if name not in PLACE}
    found: AnyContent = contents.validate_python(sent | more)
    return found


def scored(content: AnyContent, given: Any, **more: Any) -> Score:
    return score(content, response_to(content, given), **more)


@pytest.mark.parametrize("kind", QUESTIONS)
def test_what_is_blank_scores_nothing_whatever_the_test_takes_for_a_wrong_one(kind: str) -> None:
    found = scored(of(kind), {}, terms=Terms(penalty=D(1)))

    assert found.blank and found.fraction == 0 and found.mark == 0


@pytest.mark.parametrize("kind", RIGHT)
def test_what_is_right_earns_the_mark_and_what_is_wrong_does_not(kind: str) -> None:
    content = of(kind, mark="2.5")

    assert scored(content, RIGHT[kind]).mark == D("2.5")
    assert (scored(content, WRONG[kind]).mark or 0) <= 0


@pytest.mark.parametrize("kind", ["single", "true_false"])
def test_a_wrong_choice_costs_what_the_question_the_test_or_the_formula_says(kind: str) -> None:
    wrong = WRONG[kind]

    assert scored(of(kind, scoring={"rule": "fraction", "wrong": "0.25"}), wrong).fraction == D("-0.25")
    assert scored(of(kind), wrong, terms=Terms(penalty=D("0.5"))).fraction == D("-0.5")
    formula = scored(of(kind, scoring={"rule": "formula"}), wrong).fraction
    assert formula == (D(-1) if kind == "true_false" else D(-1) / 3)
    assert scored(of(kind, scoring={"rule": "all_or_nothing"}), wrong).fraction == 0


def test_certainty_multiplies_what_is_right_and_costs_what_is_wrong() -> None:
    content = of("single", scoring={"rule": "fraction", "certainty": True})

    assert scored(content, {"option": "b", "certainty": 3}).fraction == 3
    assert scored(content, {"option": "a", "certainty": 2}).fraction == -2
    assert scored(content, {"certainty": 3}).fraction == 0
    assert scored(of("single"), {"option": "b", "certainty": 3}).fraction == 1
    assert [most(content), most(of("single"))] == [D(3), D(1)]


@pytest.mark.parametrize(
    ("rule", "earned"),
    [
        ("all_or_nothing", "0"),
        ("right_minus_wrong", "0.5"),
        ("proportional", "0.75"),
        ("proportional_minus", "0.5"),
    ],
)
def test_multiple_choice_by_each_rule(rule: str, earned: str) -> None:
    content = of("multiple", key={"options": ["a", "b"]}, scoring={"rule": rule})

    assert scored(content, {"options": ["a"]}).fraction == D(earned)


def test_a_set_shares_its_mark_out_among_its_children() -> None:
    one, other = ({**_child("single"), "id": "x", "mark": "1"}, {**_child("true_false"), "mark": "3"})
    content = of("passage_set", body={"passage": "p", "children": [one, other]}, mark="8")

    found = scored(content, {"children": {"x": {"option": "b"}, "2": {"value": False}}})

    assert found.fraction == D("0.25") and found.mark == 2
    assert {name: child.mark for name, child in found.children.items()} == {"x": 1, "2": 0}
    essay = of("passage_set", body={"passage": "p", "children": [one, _child("essay")]})
    assert scored(essay, {"children": {"x": {"option": "b"}, "2": {"text": "Words"}}}).mark is None
    assert scored(essay, {"children": {"x": {"option": "b"}}}).mark == D("0.5")
    sure = {**one, "scoring": {"rule": "fraction", "certainty": True}}
    assert most(of("passage_set", body={"passage": "p", "children": [sure, other]})) == D("1.5")


def _child(kind: str) -> dict[str, Any]:
    return {name: part for name, part in QUESTIONS[kind].items() if name not in PLACE}


def test_what_a_person_or_a_provider_has_to_mark_has_no_mark_yet() -> None:
    assert scored(of("essay"), {"text": "Words"}).mark is None
    spoken = of("spoken")
    assert scored(spoken, {"file_id": "f"}).mark is None
    assert scored(spoken, {"file_id": "f"}, findings=HEARD).fraction == 1
    assert scored(of("spoken", scoring={"rule": "rubric"}), {"file_id": "f"}, findings=HEARD).mark is None
    similar = of("spoken", key={}, scoring={"rule": "similarity"})
    assert 0 < (scored(similar, {"file_id": "f"}, findings=Findings(transcript="heard")).fraction or 0) < 1


def test_a_program_is_scored_by_the_verdicts_of_the_runner_and_the_weights_of_the_key() -> None:
    content, answer = of("code"), {"language": "python", "source": "print(1)"}
    results = [CaseResult(D(9), Verdict.WRONG_ANSWER), CaseResult(D(9), Verdict.ACCEPTED, slow=True)]

    assert scored(content, answer).mark is None
    assert scored(content, answer, findings=Findings(results=results)).fraction == D("0.5")


@pytest.mark.parametrize(
    ("kind", "given", "pointer"),
    [
        ("single", {"option": "z"}, "/response/option"),
        ("single", {"value": True}, "/response/value"),
        ("multiple", {"options": "a"}, "/response/options"),
        ("numeric", {"value": 3.14}, "/response/value"),
        ("matching", {"pairs": {"1": "z"}}, "/response/pairs"),
        ("ordering", {"order": ["a", "a"]}, "/response/order"),
        ("cloze", {"blanks": {"9": "x"}}, "/response/blanks"),
        ("passage_set", {"children": {"nobody": {}}}, "/response/children/nobody"),
        ("passage_set", {"children": {"single": {"option": "z"}}}, "/response/children/single/option"),
    ],
)
def test_what_is_no_answer_to_the_question_is_refused(kind: str, given: Any, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        scored(of(kind), given)

    assert refused.value.extensions["errors"][0]["pointer"] == pointer
