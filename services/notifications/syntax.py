"""What a message text may be made of: words, printed placeholders and plain conditions; nothing that repeats.

A text is read twice: by Jinja's lexer into the pieces that stand side by side in the message, and by its
parser into the expressions. Whatever is not on the short list here is a fault that names line and remedy.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from jinja2 import TemplateSyntaxError, nodes

from services.notifications.rendering import sandbox

MOST_TAGS: Final = 200
DEEPEST: Final = 5  # conditions within conditions
FILTERS: Final = ("capitalize", "lower", "title", "trim", "upper")
TAGS: Final[Mapping[type[nodes.Node], str]] = {
    nodes.Assign: "set",
    nodes.AssignBlock: "set",
    nodes.CallBlock: "call",
    nodes.FilterBlock: "filter",
    nodes.FromImport: "from … import",
    nodes.ScopedEvalContextModifier: "autoescape",
}
# They turn the direction of what follows, so that a line can read as something that it is not
TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# What every program takes for white space, wherever it stands: Python takes more for it than browsers do
BLANKS: Final = frozenset(" \t\n")
HOW_TO_PRINT: Final = (
    f"print a placeholder, {{{{ name }}}}, perhaps with one of {', '.join(FILTERS)}: {{{{ name|upper }}}}"
)
HOW_TO_ASK: Final = (
    'ask whether a placeholder is there, {% if name %}, or what it is, {% if name == "words" %}; '
    "combined with not, and, or"
)
CACHED: Final = 256

_jinja: Final = sandbox(autoescape=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in which line, and what to do."""

    line: int
    detail: str


@dataclass(frozen=True, slots=True)
class Use:
    """A placeholder that a text names. ``always``: printed, outside every condition."""

    name: str
    line: int
    always: bool
    filtered: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of the text: words (``text``), a printed placeholder (``name``), or a mark of a condition."""

    line: int
    text: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it was understood; with faults, nothing else of it counts."""

    faults: tuple[Fault, ...] = ()
    uses: tuple[Use, ...] = ()
    pieces: tuple[Piece, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Every placeholder that the text needs to be rendered."""
        return frozenset(use.name for use in self.uses)


@lru_cache(CACHED)
def read(source: str) -> Reading:
    """Return what a text is made of, or every fault that keeps it from being accepted."""
    if odd := tuple(_odd_characters(source)):
        return Reading(odd)
    if source.count("{{") + source.count("{%") + source.count("{#") > MOST_TAGS:
        return Reading((Fault(1, f"has more than {MOST_TAGS} placeholders and conditions"),))
    try:
        tokens = list(_jinja.lex(source))
        tree = _jinja.parse(source)
    except TemplateSyntaxError as error:
        return Reading((Fault(error.lineno, f"cannot be read: {error.message}"),))
    except (RecursionError, ValueError):
        return Reading((Fault(1, f"cannot be read: {HOW_TO_PRINT}"),))
    found = _Found()
    found.statements(tree.body)
    faults = (*_token_faults(tokens), *found.faults)
    return Reading(faults, tuple(found.uses), () if faults else tuple(_pieces(tokens)))


class _Found:
    """Walks the tree of one text."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.uses: list[Use] = []

    def statements(self, body: Sequence[nodes.Node], depth: int = 0) -> None:
        """Look at statements that stand within ``depth`` conditions."""
        if body and depth > DEEPEST:
            self._refuse(body[0], f"has more than {DEEPEST} conditions within each other")
            return
        for node in body:
            match node:
                case nodes.Output():
                    for part in node.nodes:
                        self._printed(part, depth)
                case nodes.If():
                    self._condition(node.test)
                    for branch in (node.body, node.elif_, node.else_):
                        self.statements(branch, depth + 1)
                case _:
                    tag = TAGS.get(type(node), type(node).__name__.lower())
                    self._refuse(node, f"{{% {tag} %}} is not allowed in a message: {HOW_TO_PRINT}")

    def _printed(self, node: nodes.Node, depth: int) -> None:
        if isinstance(node, nodes.TemplateData):
            return
        inner, filtered = node, False
        while isinstance(inner, nodes.Filter) and inner.name in FILTERS and not _arguments(inner):
            inner, filtered = inner.node or inner, True
        if isinstance(inner, nodes.Name):
            self.uses.append(Use(inner.name, inner.lineno, depth == 0, filtered))
        else:
            self._refuse(node, f"can only {HOW_TO_PRINT}")

    def _condition(self, node: nodes.Node) -> None:
        match node:
            case nodes.Name():
                self.uses.append(Use(node.name, node.lineno, False, False))
            case nodes.Not():
                self._condition(node.node)
            case nodes.And() | nodes.Or():
                self._condition(node.left)
                self._condition(node.right)
            case nodes.Compare(expr=nodes.Name()) if all(_is_words(operand) for operand in node.ops):
                self._condition(node.expr)
            case _:
                self._refuse(node, f"can only {HOW_TO_ASK}")

    def _refuse(self, node: nodes.Node, detail: str) -> None:
        self.faults.append(Fault(node.lineno or 1, detail))  # some nodes of Jinja come without


def _arguments(node: nodes.Filter) -> bool:
    return bool(node.args or node.kwargs or node.dyn_args or node.dyn_kwargs)


def _is_words(operand: nodes.Operand) -> bool:
    value = operand.expr.value if isinstance(operand.expr, nodes.Const) else None
    return operand.op in ("eq", "ne") and isinstance(value, str)


Token = tuple[int, str, str]


def _token_faults(tokens: Sequence[Token]) -> Iterator[Fault]:
    """Yield the faults that a tree no longer shows."""
    for line, kind, value in tokens:
        if kind == "comment_begin":
            yield Fault(line, "{# … #} reaches nobody: take it out, or print a placeholder, {{ name }}")
        elif kind == "raw_begin":
            yield Fault(line, "{% raw %} is not allowed in a message")
        elif kind.endswith(("_begin", "_end")) and not {"-", "+"}.isdisjoint(value):
            yield Fault(line, "write {{ and }}, {% and %} without a minus or plus sign")


def _pieces(tokens: Sequence[Token]) -> Iterator[Piece]:
    ends: Mapping[str, str] = {"variable_begin": "variable_end", "block_begin": "block_end"}
    rest = iter(tokens)
    for line, kind, value in rest:
        if kind == "data":
            yield Piece(line, value)
            continue
        inside = []
        for _, inner, word in rest:
            if inner == ends[kind]:
                break
            inside.append((inner, word))
        names = [word for inner, word in inside if inner == "name"]
        yield Piece(line, name=names[0] if kind == "variable_begin" else "")


def _odd_characters(source: str) -> Iterator[Fault]:
    for number, line in enumerate(source.split("\n"), 1):
        for character in line:
            if character in TURNING or (
                unicodedata.category(character) in {"Cc", "Cs", "Co"} and character != "\t"
            ):
                yield Fault(number, f"holds the invisible character U+{ord(character):04X}: take it out")
                break


def glued(name: str) -> str:
    """Return what is said of a link that does not stand alone."""
    return (
        f"{{{{ {name} }}}} must stand by itself: put a space or a line break before and after it, so that it "
        "cannot become a part of another address"
    )
