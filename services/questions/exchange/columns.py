"""The columns of a table of questions: what they are called, and what a row of them says."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from services.questions.exchange.drafts import Draft
from services.questions.parts import QuestionType

SYNONYMS: Final[Mapping[str, str]] = {
    "type": "type",
    "question type": "type",
    "question": "stem",
    "question text": "stem",
    "stem": "stem",
    "answer": "answer",
    "answers": "answer",
    "correct": "answer",
    "correct answer": "answer",
    "correct option": "answer",
    "key": "answer",
    "tolerance": "tolerance",
    "unit": "unit",
    "mark": "mark",
    "marks": "mark",
    "points": "mark",
    "module": "module",
    "level": "level",
    "topic": "topic",
    "category": "topic",
    "tags": "tags",
    "difficulty": "difficulty",
    "explanation": "explanation",
    "name": "name",
    "title": "name",
}
OPTION: Final = re.compile(r"(?:option|choice)?\s*([a-j]|10|[1-9])")
COLUMNS: Final = (
    "Type",
    "Question",
    *(f"Option {letter}" for letter in "ABCDEFGHIJ"),
    "Answer",
    "Tolerance",
    "Unit",
    "Mark",
    "Module",
    "Level",
    "Topic",
    "Tags",
    "Difficulty",
    "Explanation",
    "Name",
)
TRUTH: Final = {"true": True, "t": True, "yes": True, "false": False, "f": False, "no": False}
PLACE: Final = ("module", "level", "topic", "difficulty", "name")
LETTERS: Final = "ABCDEFGHIJ"
SEVERAL: Final = re.compile(r"\s*[;|]\s*")


def columns_of(header: Sequence[str]) -> dict[int, str]:
    """Return what the columns hold, by their places; an option is called by its letter."""
    found: dict[int, str] = {}
    for place, heading in enumerate(header):
        plain = " ".join(heading.replace("_", " ").lower().split())
        option = OPTION.fullmatch(plain)
        if plain in SYNONYMS:
            found[place] = SYNONYMS[plain]
        elif option:
            found[place] = _letter(option.group(1))
    return found


def is_header(columns: Mapping[int, str]) -> bool:
    """Tell whether these are the headings of questions."""
    return {"stem", "answer"} <= set(columns.values())


def draft_of(line: int, cells: Mapping[str, str]) -> Draft:
    """Return the question of a row."""
    source = " | ".join(cell for cell in cells.values() if cell)
    place = {name: value for name in PLACE if (value := cells.get(name, ""))}
    for name in ("module", "level", "topic"):
        if name in place:
            place[name] = place[name].upper().replace(" ", "_")
    if "difficulty" in place:
        place["difficulty"] = place["difficulty"].lower()
    said: dict[str, Any] = dict(place)
    if tags := [tag for tag in SEVERAL.split(cells.get("tags", "")) if tag]:
        said["tags"] = tags
    try:
        return Draft(line, source, _content(cells), said)
    except _Unclear as error:
        return Draft(line, source, reason=str(error))


class _Unclear(Exception):
    pass


def _content(cells: Mapping[str, str]) -> dict[str, Any]:
    options = {letter: cells[letter] for letter in LETTERS if cells.get(letter)}
    answer, stem = cells.get("answer", ""), cells.get("stem", "")
    if not stem:
        raise _Unclear("The question has no text.")
    content: dict[str, Any] = {"stem": stem, **_typed(_type(cells, options, answer), cells, options, answer)}
    for name in ("mark", "explanation"):
        if cells.get(name):
            content[name] = cells[name]
    return content


def _type(cells: Mapping[str, str], options: Mapping[str, str], answer: str) -> str:
    """Return the type that is named, or the one that options and answer tell."""
    named = "_".join(cells.get("type", "").lower().replace("/", " ").replace("-", " ").split())
    if named:
        return ALIASES.get(named, named)
    if options:
        several = len(SEVERAL.split(answer)) > 1 or re.fullmatch(r"[A-Ja-j](?:\s*,\s*[A-Ja-j])+", answer)
        return QuestionType.MULTIPLE if several else QuestionType.SINGLE
    return QuestionType.TRUE_FALSE if answer.lower() in TRUTH else QuestionType.SHORT_TEXT


ALIASES: Final = {
    "mcq": "single",
    "single_choice": "single",
    "multiple_choice": "single",
    "multiple_answer": "multiple",
    "multiple_response": "multiple",
    "truefalse": "true_false",
    "tf": "true_false",
    "numerical": "numeric",
    "number": "numeric",
    "short_answer": "short_text",
    "text": "short_text",
}


def _typed(kind: str, cells: Mapping[str, str], options: Mapping[str, str], answer: str) -> dict[str, Any]:
    if kind not in KEYS:
        raise _Unclear(f"Tables hold no questions of the type {kind[:40]!r}.")
    if not answer and kind != QuestionType.ESSAY:
        raise _Unclear("The answer is missing.")
    return {"type": kind, **KEYS[kind](cells, options, answer)}


def _single(_: Mapping[str, str], options: Mapping[str, str], answer: str) -> dict[str, Any]:
    return {"body": _options(options), "key": {"option": _named(answer, options)}}


def _multiple(_: Mapping[str, str], options: Mapping[str, str], answer: str) -> dict[str, Any]:
    right = [_named(one, options) for one in re.split(r"\s*[;|,]\s*", answer)]
    return {"body": _options(options), "key": {"options": right}}


def _true_false(_: Mapping[str, str], __: Mapping[str, str], answer: str) -> dict[str, Any]:
    if answer.lower() not in TRUTH:
        raise _Unclear("The answer must be true or false.")
    return {"key": {"value": TRUTH[answer.lower()]}}


def _numeric(cells: Mapping[str, str], _: Mapping[str, str], answer: str) -> dict[str, Any]:
    tolerance = {"value": cells["tolerance"]} if cells.get("tolerance") else {}
    return {"body": {"unit": cells.get("unit") or None}, "key": {"value": answer, "tolerance": tolerance}}


def _short_text(_: Mapping[str, str], __: Mapping[str, str], answer: str) -> dict[str, Any]:
    return {"key": {"answers": [{"text": one.strip()} for one in answer.split("|") if one.strip()]}}


KEYS: Final[Mapping[str, Callable[[Mapping[str, str], Mapping[str, str], str], dict[str, Any]]]] = {
    "single": _single,
    "multiple": _multiple,
    "true_false": _true_false,
    "numeric": _numeric,
    "short_text": _short_text,
    "essay": lambda *_: {},
}


def _options(options: Mapping[str, str]) -> dict[str, Any]:
    return {"options": [{"id": letter, "text": text} for letter, text in options.items()]}


def _named(answer: str, options: Mapping[str, str]) -> str:
    """Return the letter of an option that is named by its letter, its number or its text."""
    plain = answer.strip()
    if plain.upper() in options:
        return plain.upper()
    same = [letter for letter, text in options.items() if text.casefold() == plain.casefold()]
    if same:
        return same[0]
    if plain.isdecimal() and 1 <= int(plain) <= len(LETTERS) and LETTERS[int(plain) - 1] in options:
        return LETTERS[int(plain) - 1]
    raise _Unclear(f"The answer {plain[:40]!r} names none of the options.")


def _letter(name: str) -> str:
    return LETTERS[int(name) - 1] if name.isdecimal() else name.upper()
