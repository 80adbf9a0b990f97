"""Questions of a GIFT file as questions of the bank."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from services.questions.exchange.drafts import Draft
from services.questions.exchange.from_html import markdown_of
from services.questions.exchange.gift_parser import ANY, GiftChoice, GiftItem, GiftNumber, GiftText, parse
from services.questions.parts import QuestionType
from utils.decimals import plain

DESCRIPTION: Final = "A text without braces asks nothing: it is a description, which the bank does not keep."
NONE_RIGHT: Final = "None of the answers is right: the right one begins with =, or has a weight."
TAG_LENGTH: Final = 60
NAME_LENGTH: Final = 200
HUNDRED: Final = Decimal(100)


def read_gift(text: str) -> Iterator[Draft]:
    """Yield the questions of a file. A category becomes a tag of those that follow."""
    category: tuple[str, ...] = ()
    for item in parse(text):
        if item.kind == "Category":
            category = _last(item.title or "")
        else:
            yield _draft(item, category)


def _last(path: str) -> tuple[str, ...]:
    """Return the last part of a category's path, as a tag."""
    name = path.replace("//", "/").rpartition("/")[2].strip()[:TAG_LENGTH]
    return (name,) if name else ()


def _draft(item: GiftItem, category: Sequence[str]) -> Draft:
    if item.problem is not None or item.kind == "Description":
        return Draft(item.line, item.source, reason=item.problem or DESCRIPTION)
    tags = [tag[:TAG_LENGTH] for tag in (*item.tags, *category)]
    place = {"name": (item.title or "")[:NAME_LENGTH], "tags": tags}
    if item.kind == "MC" and all(_fraction(one) == "0" for one in item.choices):
        return Draft(item.line, item.source, reason=NONE_RIGHT)
    content = {"stem": _text(item.stem), **_content(item)}
    if item.global_feedback is not None:
        content["explanation"] = _text(item.global_feedback)
    return Draft(item.line, item.source, content, place)


def _content(item: GiftItem) -> dict[str, Any]:
    match item.kind:
        case "TF":
            said = {"true": item.true_feedback, "false": item.false_feedback}
            feedback = {name: _text(text) for name, text in said.items() if text is not None}
            return {"type": QuestionType.TRUE_FALSE, "key": {"value": item.is_true}, "feedback": feedback}
        case "Short":
            answers = [{"text": _text(one.text), "fraction": _fraction(one)} for one in item.choices]
            key = {"answers": answers}
            return {"type": QuestionType.SHORT_TEXT, "key": key, "feedback": _numbered(item.choices)}
        case "Numerical":
            return _numeric(item.choices)
        case "Matching":
            return _matching(item.choices)
        case "MC":
            return _chosen(item.choices)
    return {"type": QuestionType.ESSAY}


def _chosen(choices: Sequence[GiftChoice]) -> dict[str, Any]:
    """Return a single choice where an answer is right (=), a multiple one where all have weights only."""
    body = {"options": [{"id": str(n), "text": _text(one.text)} for n, one in enumerate(choices, 1)]}
    fractions = {str(n): _fraction(one) for n, one in enumerate(choices, 1) if _fraction(one) != "0"}
    made = {"body": body, "feedback": _numbered(choices)}
    if not any(one.correct for one in choices):
        scoring = {"rule": "option_fractions"}
        return {"type": QuestionType.MULTIPLE, "key": {"fractions": fractions}, "scoring": scoring, **made}
    if list(fractions.values()) == ["1"]:
        return {"type": QuestionType.SINGLE, "key": {"option": next(iter(fractions))}, **made}
    return {"type": QuestionType.SINGLE, "key": {"fractions": fractions}, **made}


def _numeric(choices: Sequence[GiftChoice]) -> dict[str, Any]:
    """Return a number to be found; what is said of any other number is feedback of ``other``."""
    counted = sorted(
        (one for one in choices if one.number is not None), key=lambda one: _fraction(one) != "1"
    )
    feedback = _numbered(counted)
    for one in choices:
        if one.number is None and one.text.text == ANY and one.feedback is not None:
            feedback["other"] = _text(one.feedback)
    [first, *others] = [
        {**_number(one.number), "fraction": _fraction(one)} for one in counted if one.number is not None
    ] or [{}]
    return {"type": QuestionType.NUMERIC, "key": {**first, "others": others}, "feedback": feedback}


def _number(number: GiftNumber) -> dict[str, Any]:
    if number.low is not None and number.high is not None:
        ends = {"kind": "range", "low": plain(number.low), "high": plain(number.high)}
        return {"value": plain((number.low + number.high) / 2), "tolerance": ends}
    found = {"value": plain(number.number or Decimal(0))}
    return found | ({"tolerance": {"value": plain(number.range)}} if number.range else {})


def _matching(choices: Sequence[GiftChoice]) -> dict[str, Any]:
    """Return pairs; a right part without a left one is there to mislead, two equal ones are the same."""
    names: dict[str, str] = {}
    for one in choices:
        names.setdefault(one.match or "", f"r{len(names) + 1}")
    left = [(f"l{n}", one) for n, one in enumerate(choices, 1) if one.text.text]
    return {
        "type": QuestionType.MATCHING,
        "body": {
            "left": [{"id": name, "text": _text(one.text)} for name, one in left],
            "right": [{"id": name, "text": text} for text, name in names.items()],
        },
        "key": {"pairs": {name: names[one.match or ""] for name, one in left}},
    }


def _numbered(choices: Sequence[GiftChoice]) -> dict[str, str]:
    return {str(n): _text(one.feedback) for n, one in enumerate(choices, 1) if one.feedback is not None}


def _fraction(choice: GiftChoice) -> str:
    """Return what an answer earns: its weight, or all where it is right."""
    if choice.weight is None:
        return "1" if choice.correct else "0"
    return plain(choice.weight / HUNDRED)


def _text(text: GiftText) -> str:
    """Return a text as Markdown; one in the format ``moodle`` may hold HTML."""
    return markdown_of(text.text) if text.format in ("html", "moodle") else text.text
