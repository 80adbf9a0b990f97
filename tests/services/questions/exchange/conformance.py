"""The parse of a GIFT file in the words of the conformance material."""

from decimal import Decimal
from typing import Any

from services.questions.exchange.gift_parser import GiftChoice, GiftItem, GiftNumber, GiftText, parse


def as_authors_write_it(text: str) -> list[dict[str, Any]]:
    """Return what ``X.json`` beside ``X.gift`` has to be equal to."""
    return [_item(item) for item in parse(text)]


def _item(item: GiftItem) -> dict[str, Any]:
    assert item.problem is None, item.problem
    if item.kind == "Category":
        return {"type": "Category", "title": item.title}
    shown: dict[str, Any] = {
        "id": item.id,
        "tags": list(item.tags) or None,
        "type": item.kind,
        "title": item.title,
        "stem": _text(item.stem),
        "hasEmbeddedAnswers": item.embedded,
    }
    if item.kind != "Description":
        shown["globalFeedback"] = _text(item.global_feedback)
    match item.kind:
        case "TF":
            shown |= {
                "isTrue": item.is_true,
                "trueFeedback": _text(item.true_feedback),
                "falseFeedback": _text(item.false_feedback),
            }
        case "Matching":
            shown["matchPairs"] = [
                {"subquestion": _text(one.text), "subanswer": one.match} for one in item.choices
            ]
        case "Numerical":
            shown["choices"] = _numbers(item)
        case "MC" | "Short":
            shown["choices"] = [_choice(one, _text(one.text)) for one in item.choices]
    return shown


def _numbers(item: GiftItem) -> Any:
    [first, *others] = item.choices
    if not others and first.feedback is None and first.weight is None:
        return _number(first.number)
    return [_choice(one, _number(one.number) if one.number else _text(one.text)) for one in item.choices]


def _number(number: GiftNumber | None) -> dict[str, Any]:
    assert number is not None
    if number.low is not None:
        return {"type": "high-low", "numberHigh": _plain(number.high), "numberLow": _plain(number.low)}
    if number.range is not None:
        return {"type": "range", "number": _plain(number.number), "range": _plain(number.range)}
    return {"type": "simple", "number": _plain(number.number)}


def _choice(choice: GiftChoice, text: Any) -> dict[str, Any]:
    return {
        "isCorrect": choice.correct,
        "weight": _plain(choice.weight),
        "text": text,
        "feedback": _text(choice.feedback),
    }


def _text(text: GiftText | None) -> dict[str, str] | None:
    return None if text is None else {"format": text.format, "text": text.text}


def _plain(number: Decimal | None) -> float | None:
    return None if number is None else float(number)
