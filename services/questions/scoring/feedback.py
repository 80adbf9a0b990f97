"""What an author says about the answer that somebody gave."""

from collections.abc import Iterator
from typing import Final

from services.questions.content import AnyContent, Numeric, ShortText
from services.questions.responses import (
    ClozeResponse,
    MatchingResponse,
    MultipleResponse,
    NumericResponse,
    Response,
    ShortTextResponse,
    SingleResponse,
    TrueFalseResponse,
)
from services.questions.scoring import numbers, texts
from services.questions.scoring.score import Terms

OTHER: Final = "other"  # what a number or text is that is none of the accepted ones


def feedback_for(content: AnyContent, response: Response, terms: Terms) -> list[str]:
    """Return the feedback on what was chosen, typed or filled in; nothing on what was left blank."""
    if response.blank:
        return []
    return [content.feedback[name] for name in _about(content, response, terms) if name in content.feedback]


def _about(content: AnyContent, response: Response, terms: Terms) -> Iterator[str]:
    """Yield what the answer is called in ``feedback``."""
    match response:
        case SingleResponse(option=str(option)):
            yield option
        case MultipleResponse(options=options):
            yield from options
        case TrueFalseResponse(value=value):
            yield "true" if value else "false"
        case MatchingResponse(pairs=pairs):
            yield from pairs
        case ClozeResponse(blanks=blanks):
            yield from blanks
        case NumericResponse() if isinstance(content, Numeric):
            yield from [*map(str, _near(content, response, terms))] or [OTHER]
        case ShortTextResponse() if isinstance(content, ShortText):
            yield from [*map(str, _same(content, response))] or [OTHER]


def _near(content: Numeric, response: NumericResponse, terms: Terms) -> Iterator[int]:
    """Yield the numbers, from 1, of the answers that a number is near enough to."""
    given = numbers.read_number(response.value, decimal_comma=terms.decimal_comma, unit=content.body.unit)
    for place, answer in enumerate(content.key.answers, 1):
        if given is not None and numbers.within(given, answer.value, answer.tolerance):
            yield place


def _same(content: ShortText, response: ShortTextResponse) -> Iterator[int]:
    """Yield the numbers, from 1, of the answers that a text is one of."""
    for place, answer in enumerate(content.key.answers, 1):
        if texts.matches(response.text, answer.text, content.scoring):
            yield place
