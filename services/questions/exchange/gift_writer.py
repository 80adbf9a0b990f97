"""Questions of the bank as a GIFT file. What GIFT has no words for is left out, and counted."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from services.questions.content import (
    AnyContent,
    Essay,
    Matching,
    Multiple,
    Numeric,
    ShortText,
    Single,
    TrueFalse,
)
from services.questions.parts import NumericAnswer, Option
from utils.decimals import ZERO, plain

ESCAPED: Final = str.maketrans({char: f"\\{char}" for char in "\\~=#{}:"} | {"\n": "\\n"})
HUNDRED: Final = Decimal(100)


def gift_of(content: AnyContent, name: str, tags: Sequence[str]) -> str | None:
    """Return a question in GIFT, a blank line behind it; None for a type that GIFT does not have."""
    inside = _inside(content)
    if inside is None:
        return None
    labels = "".join(f" [tag:{' '.join(tag.replace(']', ')').split())}]" for tag in tags)
    title = f"::{_escaped(name)}::" if name else ""
    general = f"\n\t####{_escaped(content.explanation)}" if content.explanation else ""
    comment = f"//{labels}\n" if labels else ""
    return f"{comment}{title}[markdown]{_escaped(content.stem)} {{{inside}{general}}}\n\n"


def _inside(content: AnyContent) -> str | None:
    match content:
        case Single():
            return _single(content)
        case Multiple():
            values = content.key.fractions or _shared(content.key.right, content.body.options)
            return _lines(
                _option(one, values.get(one.id, ZERO), content.feedback) for one in content.body.options
            )
        case TrueFalse():
            said = "".join(f"#{_escaped(content.feedback.get(name, ''))}" for name in ("true", "false"))
            return ("TRUE" if content.key.value else "FALSE") + said.rstrip("#")
        case Numeric():
            return _numeric(content)
        case ShortText():
            answers = enumerate(content.key.answers, 1)
            return _lines(
                f"={_weight(one.fraction)}{_escaped(one.text)}{_said(content.feedback, str(n))}"
                for n, one in answers
            )
        case Matching():
            return _matching(content)
        case Essay():
            return ""
    return None


def _single(content: Single) -> str:
    """Right ones begin with =; what a wrong one costs is a negative weight."""
    values, wrong = content.key.values, -content.scoring.wrong
    return _lines(
        f"={_escaped(one.text)}{_said(content.feedback, one.id)}"
        if values.get(one.id) == 1
        else _option(one, values.get(one.id) or wrong, content.feedback)
        for one in content.body.options
    )


def _option(option: Option, fraction: Decimal, feedback: Mapping[str, str]) -> str:
    weight = f"%{plain(fraction * HUNDRED)}%" if fraction else ""
    return f"~{weight}{_escaped(option.text)}{_said(feedback, option.id)}"


def _shared(right: frozenset[str], options: Sequence[Option]) -> dict[str, Decimal]:
    """Return what options count where a key only says which are right: equal parts; a wrong one all."""
    part = (1 / Decimal(len(right))).quantize(Decimal("1e-7"))
    return {one.id: part if one.id in right else Decimal(-1) for one in options}


def _numeric(content: Numeric) -> str:
    answers = enumerate(content.key.answers, 1)
    lines = [f"={_weight(one.fraction)}{_number(one)}{_said(content.feedback, str(n))}" for n, one in answers]
    other = _said(content.feedback, "other")
    return "#" + _lines([*lines, *([f"~{other}"] if other else [])])


def _number(answer: NumericAnswer) -> str:
    value, tolerance = answer.value, answer.tolerance
    match tolerance.kind:
        case "range":
            return f"{plain(tolerance.low or ZERO)}..{plain(tolerance.high or ZERO)}"
        case "geometric":
            ends = sorted((value / (1 + tolerance.value), value * (1 + tolerance.value)))
            return "..".join(plain(end) for end in ends)
        case "relative":
            return f"{plain(value)}:{plain(abs(value) * tolerance.value)}"
        case "digits":
            return f"{plain(value)}:{plain(Decimal(5).scaleb(value.adjusted() - int(tolerance.value)))}"
    return f"{plain(value)}:{plain(tolerance.value)}"


def _matching(content: Matching) -> str:
    texts = {one.id: one.text for one in content.body.right}
    pairs = [(one.text, texts[content.key.pairs[one.id]]) for one in content.body.left]
    used = set(content.key.pairs.values())
    alone = [("", one.text) for one in content.body.right if one.id not in used]
    return _lines(f"={_escaped(left)} -> {_escaped(right)}" for left, right in [*pairs, *alone])


def _weight(fraction: Decimal) -> str:
    return "" if fraction == 1 else f"%{plain(fraction * HUNDRED)}%"


def _said(feedback: Mapping[str, str], name: str) -> str:
    return f"#{_escaped(feedback[name])}" if feedback.get(name) else ""


def _lines(answers: Iterable[str]) -> str:
    return "".join(f"\n\t{answer}" for answer in answers) + "\n"


def _escaped(text: str) -> str:
    return text.translate(ESCAPED)
