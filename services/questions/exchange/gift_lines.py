"""A GIFT file cut into questions, with the numbers of their lines."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

CATEGORY: Final = re.compile(r"\s*\$CATEGORY:\s*(.*?)\s*", re.IGNORECASE)
LABEL: Final = re.compile(r"\[(id|tag):([^\]]+)\]", re.IGNORECASE)
SPECIAL: Final = re.compile(r"\\(.)|[{}]", re.DOTALL)


@dataclass(slots=True)
class Block:
    """The text of one question, or of a category; ``line`` is where it begins, from 1."""

    line: int
    text: str
    tags: tuple[str, ...] = ()
    id: str | None = None
    category: bool = False


@dataclass(slots=True)
class _Draft:
    lines: list[tuple[int, str]] = field(default_factory=list)
    labels: list[tuple[str, str]] = field(default_factory=list)

    def block(self) -> Block:
        tags = tuple(value.strip() for name, value in self.labels if name.lower() == "tag")
        ids = [value.strip() for name, value in self.labels if name.lower() == "id"]
        text = "\n".join(line for _, line in self.lines)
        return Block(self.lines[0][0], text, tags, ids[0] if ids else None)


def blocks(text: str) -> Iterator[Block]:
    """Yield the questions and categories. Blank lines part them, but for those inside braces."""
    waiting: list[Block] = []  # one with an open brace, and what may be in it
    for block in _parted(text):
        brace = "" if block.category else _first_brace(block.text)
        if waiting and brace == "}":
            waiting[0].text = "\n".join(one.text for one in (*waiting, block))
            yield waiting[0]
            waiting = []
        elif waiting and not brace and not block.category:
            waiting.append(block)
        else:
            yield from waiting  # never closed: it is for the parser to say so
            waiting = [block] if not block.category and _is_open(block.text) else []
            if not waiting:
                yield block
    yield from waiting


def _parted(text: str) -> Iterator[Block]:
    draft = _Draft()
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        category = CATEGORY.fullmatch(line)
        if line.lstrip().startswith("//"):
            draft.labels += LABEL.findall(line)
        elif line.strip() and not category:
            draft.lines.append((number, line))
        else:
            if draft.lines:
                yield draft.block()
            draft = _Draft()
        if category:
            yield Block(number, category.group(1), category=True)
    if draft.lines:
        yield draft.block()


def braces(text: str) -> Iterator[tuple[int, str]]:
    """Yield the braces that are not escaped, with their places."""
    return ((found.start(), found.group()) for found in SPECIAL.finditer(text) if found.group(1) is None)


def _first_brace(text: str) -> str:
    return next((brace for _, brace in braces(text)), "")


def _is_open(text: str) -> bool:
    return [brace for _, brace in braces(text)] == ["{"]
