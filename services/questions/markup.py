"""Texts of questions: a subset of Markdown in which nobody finds HTML, and what it looks like."""

import re
import unicodedata
from typing import Final

from markdown_it import MarkdownIt

CODE: Final = re.compile(r"(?<![`\\])(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
TAG: Final = re.compile(r"<(?=[A-Za-z/!?])")
HTML: Final = frozenset({"html_inline", "html_block"})
SUBSET: Final = (
    "backticks",
    "code",
    "emphasis",
    "entity",
    "escape",
    "fence",
    "heading",
    "hr",
    "link",
    "list",
    "newline",
    "strikethrough",
    "table",
)
ADDRESS: Final = re.compile(r"(?:https?://|mailto:)\S+", re.IGNORECASE)

_reader: Final = MarkdownIt("commonmark", {"html": True})
_writer: Final = MarkdownIt("zero", {"html": False, "breaks": True}).enable(list(SUBSET))
_writer.validateLink = lambda url: bool(ADDRESS.fullmatch(url))  # type: ignore[method-assign]


def cleaned(text: str) -> str:
    """Return a text in NFC whose tags are words: ``<`` before a letter outside code becomes ``&lt;``.

    Whatever reads it as Markdown, HTML allowed or not, shows the characters that were typed.
    """
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not TAG.search(text):
        return text
    kept, end = [], 0
    for code in CODE.finditer(text):
        kept += [TAG.sub("&lt;", text[end : code.start()]), code.group()]
        end = code.end()
    escaped = "".join([*kept, TAG.sub("&lt;", text[end:])])
    return TAG.sub("&lt;", escaped) if holds_html(escaped) else escaped


def holds_html(text: str) -> bool:
    """Tell whether somebody who reads Markdown with HTML in it would find any."""
    tokens = _reader.parse(text)
    return any(token.type in HTML for parent in tokens for token in (parent, *(parent.children or ())))


def rendered(text: str) -> str:
    """Return the HTML of a text: elements of the subset and nothing else, links to web and mail addresses."""
    return str(_writer.render(text)).strip()
