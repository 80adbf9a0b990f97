"""Questions of the bank as rows of a table, in the columns that are read again."""

from typing import Final

from services.questions.content import (
    AnyContent,
    Essay,
    Multiple,
    Numeric,
    ShortText,
    Single,
    TrueFalse,
)
from services.questions.documents import Question
from services.questions.exchange.columns import COLUMNS, LETTERS
from utils.csv_cells import csv_line
from utils.decimals import plain

HEADER: Final = csv_line(COLUMNS)


def row_of(question: Question, content: AnyContent) -> str | None:
    """Return the line of a question; None for one that columns do not hold."""
    said = _answer(content)
    if said is None:
        return None
    options = [one.text for one in content.body.options] if isinstance(content, Single | Multiple) else []
    tolerance = plain(content.key.tolerance.value) if isinstance(content, Numeric) else ""
    unit = (content.body.unit or "") if isinstance(content, Numeric) else ""
    return csv_line(
        [
            content.type,
            content.stem,
            *[*options, *[""] * len(LETTERS)][: len(LETTERS)],
            said,
            tolerance,
            unit,
            plain(content.mark),
            question.module,
            question.level,
            question.topic or "",
            "; ".join(question.tags),
            question.difficulty,
            content.explanation or "",
            question.name,
        ]
    )


def _answer(content: AnyContent) -> str | None:
    """Return the cell of the answer; None where it takes more than a cell to say what is right."""
    match content:
        case Single() if content.key.option is not None:
            return _letters(content, [content.key.option])
        case Multiple() if content.key.options is not None:
            return _letters(content, content.key.options)
        case TrueFalse():
            return "true" if content.key.value else "false"
        case Numeric() if content.key.tolerance.kind == "nominal" and not content.key.others:
            return plain(content.key.value)
        case ShortText() if all(one.fraction == 1 and "|" not in one.text for one in content.key.answers):
            return "|".join(one.text for one in content.key.answers)
        case Essay():
            return ""
    return None


def _letters(content: Single | Multiple, right: "list[str] | tuple[str, ...]") -> str | None:
    letters = dict(zip((one.id for one in content.body.options), LETTERS, strict=False))
    return "; ".join(letters[one] for one in right) if all(one in letters for one in right) else None
