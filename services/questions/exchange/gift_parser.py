"""GIFT, the text format for questions: what a file says, before it is judged by the rules of the bank."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, Literal

from services.questions.exchange.gift_lines import Block, blocks, braces

Kind = Literal["Category", "Description", "Essay", "TF", "MC", "Short", "Numerical", "Matching"]
FORMAT: Final = re.compile(r"\s*\[(html|moodle|plain|markdown)\]", re.IGNORECASE)
TITLE: Final = re.compile(r"\s*::((?:\\.|[^\\])*?)::", re.DOTALL)
WEIGHT: Final = re.compile(r"\s*%([+-]?\d{1,3}(?:\.\d{1,10})?)%")
NUMBER: Final = r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?"
SPAN: Final = re.compile(rf"({NUMBER})\s*\.\.\s*({NUMBER})")
VALUE: Final = re.compile(rf"({NUMBER})(?:\s*:\s*({NUMBER}))?")
ESCAPE: Final = re.compile(r"\\([~=#{}:\\n])|[^\S\u00a0]+")
TRUTH: Final = {"T": True, "TRUE": True, "F": False, "FALSE": False}
GAP: Final = "_____"
ANY: Final = "*"


class GiftError(Exception):
    """A question that GIFT does not have; the text says why, in a sentence."""


@dataclass(frozen=True, slots=True)
class GiftText:
    """``format`` is html, moodle, plain or markdown."""

    format: str
    text: str


@dataclass(frozen=True, slots=True)
class GiftNumber:
    """A number, how far from it one may be, or the ends of a span."""

    number: Decimal | None = None
    range: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class GiftChoice:
    """What stands after ``=`` (correct) or ``~``. ``match`` is the other half of a pair."""

    correct: bool
    weight: Decimal | None
    text: GiftText
    feedback: GiftText | None
    number: GiftNumber | None = None
    match: str | None = None


@dataclass(frozen=True, slots=True)
class GiftItem:
    """One question as the file says it. ``embedded``: its answers stood in the middle of a sentence."""

    kind: Kind
    line: int
    source: str
    title: str | None = None
    id: str | None = None
    tags: tuple[str, ...] = ()
    stem: GiftText = GiftText("moodle", "")
    embedded: bool = False
    choices: tuple[GiftChoice, ...] = ()
    is_true: bool | None = None
    true_feedback: GiftText | None = None
    false_feedback: GiftText | None = None
    global_feedback: GiftText | None = None
    problem: str | None = None


def parse(text: str) -> Iterator[GiftItem]:
    """Yield every question of a file; one that cannot be read has a ``problem``."""
    for block in blocks(text.removeprefix("\ufeff")):
        try:
            yield _item(block)
        except GiftError as error:
            yield GiftItem("Description", block.line, block.text, problem=str(error))


def _item(block: Block) -> GiftItem:
    if block.category:
        return GiftItem("Category", block.line, block.text, title=_plain(block.text))
    text, title = block.text, None
    if found := TITLE.match(text):
        title, text = _plain(found.group(1)), text[found.end() :]
    before, inside, after = _around(text)
    format_, before = _format(before, "moodle")
    stem = " ".join(part for part in (_plain(before), GAP if _plain(after) else "", _plain(after)) if part)
    item = GiftItem(
        "Description",
        block.line,
        block.text,
        title=title,
        id=block.id,
        tags=block.tags,
        stem=GiftText(format_, stem),
        embedded=bool(_plain(after)),
    )
    return item if inside is None else _Answers(inside, format_).of(item)


def _around(text: str) -> tuple[str, str | None, str]:
    """Return what stands before the braces, in them and after them."""
    found = list(braces(text))
    if not found:
        return text, None, ""
    if [brace for _, brace in found] != ["{", "}"]:
        raise GiftError(_unbalanced([brace for _, brace in found]))
    (begin, _), (end, _) = found
    return text[:begin], text[begin + 1 : end], text[end + 1 :]


def _unbalanced(found: list[str]) -> str:
    if found.count("{") > found.count("}"):
        return "A brace { is never closed. A brace that is meant as such is written \\{."
    if found.count("}") > found.count("{"):
        return "A brace } closes nothing. A brace that is meant as such is written \\}."
    return "There is more than one pair of braces. A blank line parts questions."


@dataclass(slots=True)
class _Answers:
    """What stands between the braces. ``format`` is that of the stem, which holds where no other is named."""

    inside: str
    format: str
    global_feedback: GiftText | None = field(default=None, init=False)

    def of(self, item: GiftItem) -> GiftItem:
        """Return the question with its answers."""
        inside, mark, general = _cut(self.inside, "####")
        self.global_feedback = self._text(general) if mark and _plain(general) else None
        item = replace(item, global_feedback=self.global_feedback)
        inside = inside.strip()
        if not inside:
            return replace(item, kind="Essay")
        if inside.startswith("#"):
            return self._numerical(item, inside[1:])
        word, _, rest = _cut(inside, "#")
        if (truth := TRUTH.get(word.strip().upper())) is not None:
            return self._true_false(item, truth, rest)
        return self._chosen(item, inside)

    def _true_false(self, item: GiftItem, truth: bool, rest: str) -> GiftItem:
        first, _, second = _cut(rest, "#")
        return replace(
            item,
            kind="TF",
            is_true=truth,
            true_feedback=self._maybe(first),
            false_feedback=self._maybe(second),
        )

    def _chosen(self, item: GiftItem, inside: str) -> GiftItem:
        answers = list(self._parts(inside))
        paired = all(correct for correct, _ in answers)  # beside wrong answers an arrow is an arrow
        choices = tuple(self._choice(correct, text, paired=paired) for correct, text in answers)
        if not paired:
            return replace(item, kind="MC", choices=choices)
        pairs = [choice.match is not None for choice in choices]
        if any(pairs) and not all(pairs):
            raise GiftError("Some answers are pairs (->) and others are not.")
        return replace(item, kind="Matching" if pairs[0] else "Short", choices=choices)

    def _numerical(self, item: GiftItem, inside: str) -> GiftItem:
        if not any(mark in "=~" for _, mark in _marks(inside, "=~")):
            text, _, feedback = _cut(inside, "#")
            choice = GiftChoice(
                True, None, GiftText(self.format, ""), self._maybe(feedback), number=_number(text)
            )
            return replace(item, kind="Numerical", choices=(choice,))
        choices = tuple(self._counted(correct, text) for correct, text in self._parts(inside))
        return replace(item, kind="Numerical", choices=choices)

    def _parts(self, inside: str) -> Iterator[tuple[bool, str]]:
        """Yield each answer, and whether it begins with =."""
        marks = list(_marks(inside, "=~"))
        if not marks or inside[: marks[0][0]].strip():
            raise GiftError("An answer begins neither with = nor with ~.")
        ends = [place for place, _ in marks[1:]] + [len(inside)]
        for (place, mark), end in zip(marks, ends, strict=True):
            yield mark == "=", inside[place + 1 : end]

    def _choice(self, correct: bool, text: str, *, paired: bool) -> GiftChoice:
        weight, text = _weight(text)
        answer, _, feedback = _cut(text, "#")
        left, arrow, right = _cut(answer, "->") if paired else (answer, "", "")
        if not arrow and not _plain(answer):
            raise GiftError("An answer has no text.")
        match = _plain(right) if arrow else None
        return GiftChoice(correct, weight, self._text(left), self._maybe(feedback), match=match)

    def _counted(self, correct: bool, text: str) -> GiftChoice:
        weight, text = _weight(text)
        answer, _, feedback = _cut(text, "#")
        if not answer.strip() and not correct:
            return GiftChoice(False, weight, GiftText(self.format, ANY), self._maybe(feedback))
        number = _number(answer)
        return GiftChoice(correct, weight, GiftText(self.format, ""), self._maybe(feedback), number=number)

    def _text(self, text: str) -> GiftText:
        format_, text = _format(text, self.format)
        return GiftText(format_, _plain(text))

    def _maybe(self, text: str) -> GiftText | None:
        found = self._text(text)
        return found if found.text else None


def _number(text: str) -> GiftNumber:
    plain = text.strip()
    if span := SPAN.fullmatch(plain):
        low, high = map(Decimal, span.groups())
        if low > high:
            raise GiftError(f"The span {plain} begins above its end.")
        return GiftNumber(low=low, high=high)
    if value := VALUE.fullmatch(plain):
        number, around = value.groups()
        return GiftNumber(Decimal(number), Decimal(around) if around is not None else None)
    raise GiftError(f"{plain[:40]!r} is not a number, a number with its tolerance (3:2) or a span (1..5).")


def _weight(text: str) -> tuple[Decimal | None, str]:
    found = WEIGHT.match(text)
    if found is None:
        return None, text
    weight = Decimal(found.group(1))
    if abs(weight) > 100:
        raise GiftError(f"A weight of {weight} % is beyond 100.")
    return weight, text[found.end() :]


def _format(text: str, default: str) -> tuple[str, str]:
    found = FORMAT.match(text)
    return (found.group(1).lower(), text[found.end() :]) if found else (default, text)


def _marks(text: str, wanted: str) -> Iterator[tuple[int, str]]:
    """Yield those of these characters that are not escaped, with their places."""
    pattern = re.compile(rf"\\.|[{re.escape(wanted)}]", re.DOTALL)
    return ((found.start(), found.group()) for found in pattern.finditer(text) if found.group()[0] != "\\")


def _cut(text: str, mark: str) -> tuple[str, str, str]:
    """Part a text at the first mark that is not escaped."""
    for place, _ in _marks(text, mark[0]):
        if text.startswith(mark, place):
            return text[:place], mark, text[place + len(mark) :]
    return text, "", ""


def _plain(text: str) -> str:
    """Return a text without escapes, on one line but for the line breaks that were written as such."""

    def unescaped(found: re.Match[str]) -> str:
        escaped = found.group(1)
        return " " if escaped is None else "\n" if escaped == "n" else escaped

    return ESCAPE.sub(unescaped, text.strip()).strip()
