"""From a question and an answer to a score, by the question's rule. Pure: no clock, no chance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, TypeAlias

from services.questions.content import (
    AnyContent,
    Cloze,
    Code,
    Matching,
    Multiple,
    Numeric,
    Ordering,
    QuestionSet,
    ShortText,
    Single,
    Spoken,
    TrueFalse,
)
from services.questions.keys import NumericKey, ShortTextKey
from services.questions.parts import QuestionType
from services.questions.responses import (
    ClozeResponse,
    MatchingResponse,
    MultipleResponse,
    NumericResponse,
    OrderingResponse,
    Response,
    SetResponse,
    ShortTextResponse,
    SingleResponse,
    TrueFalseResponse,
    children_of,
    response_to,
)
from services.questions.scoring import choices, numbers, parts, programs, speech, texts
from services.questions.scoring.marks import MOST_CERTAIN, with_certainty, with_penalty
from utils.decimals import ONE, ZERO


@dataclass(frozen=True, slots=True)
class Terms:
    """What a test says about scoring: what a wrong choice costs, and whether 3,14 is a number."""

    penalty: Decimal | None = None
    decimal_comma: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """What others found out about an answer: the words that were heard, how a program did in each case."""

    transcript: str | None = None
    results: Sequence[programs.CaseResult] | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """``fraction`` and ``mark`` are None where somebody, or a provider, has to mark first."""

    rule: str
    blank: bool
    fraction: Decimal | None
    mark: Decimal | None
    children: Mapping[str, "Score"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """One answer to be scored."""

    content: Any
    response: Any
    terms: Terms
    findings: Findings


def score(
    content: AnyContent, response: Response, terms: Terms = Terms(), findings: Findings = Findings()
) -> Score:
    """Return what an answer earns."""
    if isinstance(content, QuestionSet) and isinstance(response, SetResponse):
        return _set(content, response, terms)
    rule = content.scoring.rule
    if response.blank:
        return Score(rule, blank=True, fraction=ZERO, mark=ZERO)
    fraction = RULES[content.type](Case(content, response, terms, findings))
    if fraction is None:
        return Score(rule, blank=False, fraction=None, mark=None)
    if getattr(content.scoring, "certainty", False):
        fraction = with_certainty(fraction, response.certainty)
    return Score(rule, blank=False, fraction=fraction, mark=fraction * content.mark)


def most(content: AnyContent) -> Decimal:
    """Return how many times its mark an answer can earn: once, and more where certainty counts."""
    if isinstance(content, QuestionSet):
        children = content.body.children
        earned = sum((child.mark * most(child) for child in children), ZERO)
        return earned / sum((child.mark for child in children), ZERO)
    return MOST_CERTAIN if getattr(content.scoring, "certainty", False) else ONE


def _set(content: QuestionSet, response: SetResponse, terms: Terms) -> Score:
    """Share the mark out among the children by their marks."""
    found = {
        name: score(
            child, response_to(child, response.children.get(name, {}), f"/response/children/{name}"), terms
        )
        for name, child in children_of(content).items()
    }
    blank = all(one.blank for one in found.values())
    earned = [one.mark for one in found.values()]
    if any(mark is None for mark in earned):
        return Score(content.scoring.rule, blank, None, None, found)
    most = sum((child.mark for child in content.body.children), ZERO)
    fraction = sum((mark for mark in earned if mark is not None), ZERO) / most
    return Score(content.scoring.rule, blank, fraction, fraction * content.mark, found)


def _single(case: Case) -> Decimal:
    content: Single = case.content
    given: SingleResponse = case.response
    earned = choices.fraction(given.option, content.key.values, content.scoring.wrong)
    return _chosen(content.scoring.rule, earned, len(content.body.options), case.terms)


def _true_false(case: Case) -> Decimal:
    content: TrueFalse = case.content
    given: TrueFalseResponse = case.response
    earned = ONE if given.value is content.key.value else -content.scoring.wrong
    return _chosen(content.scoring.rule, earned, 2, case.terms)


def _chosen(rule: str, earned: Decimal, options: int, terms: Terms) -> Decimal:
    match rule:
        case "formula":
            return choices.formula(earned == 1, options)
        case "all_or_nothing":
            earned = ONE if earned == 1 else ZERO
    return with_penalty(earned, terms.penalty)


def _multiple(case: Case) -> Decimal:
    content: Multiple = case.content
    given: MultipleResponse = case.response
    key, how = content.key, content.scoring
    chosen, fractions, options = frozenset(given.options), key.fractions or {}, len(content.body.options)
    match how.rule:
        case "all_or_nothing":
            return choices.all_or_nothing(chosen, key.right)
        case "option_fractions":
            return choices.option_fractions(chosen, fractions)
        case "right_minus_wrong":
            return choices.right_minus_wrong(chosen, key.right)
        case "proportional":
            return choices.proportional(chosen, key.right, options)
        case "proportional_minus":
            return choices.proportional_minus(chosen, key.right, options)
    return choices.mapped(chosen, fractions, how.lower, how.upper)


def _numeric(case: Case) -> Decimal:
    content: Numeric = case.content
    given: NumericResponse = case.response
    return _number(given.value, content.key, case.terms, content.body.unit)


def _number(text: str, key: NumericKey, terms: Terms, unit: str | None = None) -> Decimal:
    number = numbers.read_number(text, decimal_comma=terms.decimal_comma, unit=unit)
    return ZERO if number is None else numbers.tolerated(number, key.answers)


def _short_text(case: Case) -> Decimal:
    content: ShortText = case.content
    given: ShortTextResponse = case.response
    return texts.accepted(given.text, content.key.answers, content.scoring)


def _matching(case: Case) -> Decimal:
    content: Matching = case.content
    given: MatchingResponse = case.response
    return _of_parts(content.scoring.rule, parts.pairs(given.pairs, content.key.pairs))


def _ordering(case: Case) -> Decimal:
    content: Ordering = case.content
    given: OrderingResponse = case.response
    match content.scoring.rule:
        case "exact":
            return parts.exact(given.order, content.key.order)
        case "adjacent_pairs":
            return parts.adjacent_pairs(given.order, content.key.order)
    return parts.parts(parts.places(list(given.order), content.key.order))


def _cloze(case: Case) -> Decimal:
    content: Cloze = case.content
    given: ClozeResponse = case.response

    def earned(name: str) -> Decimal:
        text, key = given.blanks.get(name, ""), content.key.blanks[name]
        if isinstance(key, ShortTextKey):
            return texts.accepted(text, key.answers, content.scoring)
        if isinstance(key, NumericKey):
            return _number(text, key, case.terms)
        return choices.clamped(choices.fraction(text.strip() or None, key.values))

    return _of_parts(content.scoring.rule, [earned(blank.id) for blank in content.body.blanks])


def _of_parts(rule: str, earned: Sequence[Decimal]) -> Decimal:
    return parts.parts(earned) if rule == "parts" else parts.whole(earned)


def _spoken(case: Case) -> Decimal | None:
    content: Spoken = case.content
    heard, wanted, threshold = case.findings.transcript, content.body.reference_text, content.key.threshold
    if heard is None or wanted is None or content.scoring.rule == "rubric":
        return None
    if content.scoring.rule == "word_error_rate":
        return speech.over(threshold, speech.word_accuracy(wanted, heard))
    return speech.over(threshold, speech.similarity(wanted, heard))


def _code(case: Case) -> Decimal | None:
    content: Code = case.content
    results = case.findings.results
    if results is None or len(results) != len(content.key.cases):
        return None
    weighed = [
        replace(one, weight=wanted.weight) for one, wanted in zip(results, content.key.cases, strict=True)
    ]
    return programs.weighted_cases(weighed)


Rule: TypeAlias = Callable[[Case], Decimal | None]
RULES: Final[Mapping[QuestionType, Rule]] = {
    QuestionType.SINGLE: _single,
    QuestionType.MULTIPLE: _multiple,
    QuestionType.TRUE_FALSE: _true_false,
    QuestionType.NUMERIC: _numeric,
    QuestionType.SHORT_TEXT: _short_text,
    QuestionType.MATCHING: _matching,
    QuestionType.ORDERING: _ordering,
    QuestionType.CLOZE: _cloze,
    QuestionType.ESSAY: lambda _: None,
    QuestionType.SPOKEN: _spoken,
    QuestionType.CODE: _code,
}
