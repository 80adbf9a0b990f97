"""What the html of a message may hold: plain elements, addresses of the web, and placeholders as text.

Nothing that runs, nothing that fetches or follows an address with a one-time link in it, nothing that mail
programs read in several ways: a tag is written as ``_TAG`` says, which leaves no room for a second reading,
and whatever else begins like one is a fault. No parser is asked: each forgives something else.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

from services.notifications.catalogue import Placeholder
from services.notifications.syntax import BLANKS, Fault, Piece, glued

_ELEMENTS: Final = (
    "html head meta title body div span p br hr h1 h2 h3 h4 h5 h6 a strong em b i u s small sub sup "
    "ul ol li dl dt dd blockquote pre code table caption thead tbody tfoot tr td th img center "
    "header footer main section article address abbr"
)
_ATTRIBUTES: Final = (
    "style href src alt title width height align valign bgcolor border cellpadding cellspacing colspan "
    "rowspan lang dir class id role charset name content target rel"
)
ELEMENTS: Final = frozenset(_ELEMENTS.split())
ATTRIBUTES: Final = frozenset(_ATTRIBUTES.split())
ADDRESSES: Final = {"href": ("https://", "http://", "mailto:", "tel:", "#"), "src": ("https://",)}
# In place of what Jinja fills in: characters that no text may hold itself (syntax.py), one per placeholder
FIRST_MARK: Final = 0xE000
CONDITION: Final = "\uf8ff"
# No program takes these away wherever they stand, so that words before them stay apart from words after them
_APART: Final = frozenset(
    {"a", "p", "div", "br", "hr", "li", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre"}
    | {"center", "header", "footer", "main", "section", "article", "address"}
)
_CELLS: Final = frozenset({"table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th"})
MOST_FAULTS: Final = 50
_ATTRIBUTE: Final = re.compile(r"""[ \t\n]+([a-zA-Z][a-zA-Z0-9-]*)(?:="([^"<>]*)"|='([^'<>]*)')?""")
_NAME: Final = "(?P<name>[a-zA-Z][a-zA-Z0-9]*)"
_TAG: Final = re.compile(
    rf"<{_NAME}(?P<attributes>(?:{_ATTRIBUTE.pattern})*)[ \t\n]*/?>"
    rf"|</{_NAME.replace('name', 'ended')}[ \t\n]*>"
    r"|<!(?i:doctype[ ]html)>"
)
_LIKE_A_TAG: Final = re.compile("</?[a-zA-Z][^<>]*>")
_NO_PLACEHOLDER: Final = (
    'a tag cannot hold a placeholder or a condition; only a link can, and only as href="{{ link }}"'
)
_HOW_TO_TAG: Final = (
    'write a tag as <name attribute="value">: the value in quotes, without < and >, one space before each '
    "attribute and none around ="
)
_NO_TAGS: Final = {
    "<!--": "comments reach everybody: take it out",
    "<![": "<![ is not allowed in a message: take it out",
    "<!": "only <!DOCTYPE html> is allowed as a declaration: take it out",
    "<?": "<? is not allowed in a message: take it out",
}


def html_faults(pieces: Sequence[Piece], known: Mapping[str, Placeholder]) -> list[Fault]:
    """Return what is wrong with an html part that can be read."""
    return _Page(pieces, known).faults


class _Page:
    def __init__(self, pieces: Sequence[Piece], known: Mapping[str, Placeholder]) -> None:
        self.faults: list[Fault] = []
        self._pieces, self._known = pieces, known
        self._marked = {chr(FIRST_MARK + place): piece for place, piece in enumerate(_printed(pieces))}
        marks = iter(self._marked)
        shown = [piece.text or (next(marks) if piece.name else CONDITION) for piece in pieces]
        self._text = "".join(shown)
        self._starts = [0, *accumulate(map(len, shown))]
        self._leads: str | None = None  # where the link leads in which we are
        self._titled = False  # in <title>, where programs take tags for words
        self._apart = True  # what comes next is no continuation of the words before
        self._blanks()
        self._read()

    def _blanks(self) -> None:
        """Refuse white space that only some programs take for white space."""
        for place, char in enumerate(self._text):
            if char.isspace() and char not in BLANKS and len(self.faults) < MOST_FAULTS:
                named = f"holds the white space U+{ord(char):04X}"
                self._fault(place, f"{named}: write a space, or &nbsp; where no line may break")

    def _read(self) -> None:
        """Take words and tags in turn."""
        place = 0
        while (less := self._text.find("<", place)) >= 0 and len(self.faults) < MOST_FAULTS:
            self._words(place, less)
            found = _TAG.match(self._text, less)
            if found is None:
                self._fault(less, self._unclear(less))
                place, self._apart = less + 1, False
            else:
                self._tag(less, found)
                place = found.end()
        self._words(place, len(self._text))

    def _unclear(self, place: int) -> str:
        """Return what is said of a < that begins none of our tags."""
        for begin, detail in _NO_TAGS.items():
            if self._text.startswith(begin, place):
                return detail
        like = _LIKE_A_TAG.match(self._text, place)
        if like is None:
            return "a < that begins no tag: write &lt;"
        return _NO_PLACEHOLDER if self._filled(like.group()) else _HOW_TO_TAG

    def _words(self, begin: int, end: int) -> None:
        """Look at what is read as words."""
        for place in range(begin, end):
            char = self._text[place]
            if char == CONDITION and self._elsewhere():
                self._fault(place, "a condition cannot stand within a link: put the whole link into it")
            piece = self._marked.get(char)
            if piece is None or not self._known[piece.name].link:
                continue
            before = self._text[place - 1] in BLANKS if place > begin else self._apart
            if not before or (place + 1 < end and self._text[place + 1] not in BLANKS):
                self._fault(place, glued(piece.name))
            if self._elsewhere():
                self._fault(place, f"{{{{ {piece.name} }}}} is shown on a link elsewhere")

    def _tag(self, place: int, found: re.Match[str]) -> None:
        """Look at a tag that every program reads as one."""
        tag, ended = (found["name"] or "").lower(), (found["ended"] or "").lower()
        if (tag or ended or "html") not in ELEMENTS:
            self._fault(place, f"<{tag or ended}> is not allowed in a message: take it out")
        if self._titled and ended != "title":
            self._fault(place, "<title> holds words only: end it with </title> before the next tag")
        if self._leads is not None and (tag or ended) in _CELLS:
            self._fault(place, f"<{tag or ended}> cannot stand within a link: end it with </a> before")
        self._titled, self._apart = tag == "title", tag in _APART
        given = [(name.lower(), one or other) for name, one, other in _attributes(found)]
        self._given(place, given)
        if "a" in (tag, ended):
            self._leads = dict(given).get("href")

    def _given(self, place: int, given: Sequence[tuple[str, str]]) -> None:
        """Look at the attributes of one tag."""
        for number, (name, value) in enumerate(given):
            if name in dict(given[:number]):
                self._fault(place, f"the attribute {name} stands there twice: programs take either")
            if self._is_link(name, value):
                continue
            if self._filled(value):
                self._fault(place, _NO_PLACEHOLDER)
            elif name not in ATTRIBUTES and not name.startswith("aria-"):
                self._fault(place, f"the attribute {name} is not allowed in a message: take it out")
            elif name in ADDRESSES and not value.lower().startswith(ADDRESSES[name]):
                allowed = " or ".join(ADDRESSES[name])
                self._fault(place, f"{name} must be an address that begins with {allowed}")

    def _is_link(self, name: str, value: str) -> bool:
        piece = self._marked.get(value)
        return name == "href" and piece is not None and self._known[piece.name].link

    def _elsewhere(self) -> bool:
        return self._leads is not None and not self._is_link("href", self._leads)

    def _filled(self, written: str) -> bool:
        return any(char in self._marked or char == CONDITION for char in written)

    def _fault(self, offset: int, detail: str) -> None:
        place = min(bisect_right(self._starts, offset), len(self._pieces)) - 1
        piece = self._pieces[place]
        line = piece.line + piece.text[: offset - self._starts[place]].count("\n")
        self.faults.append(Fault(line, detail))


def _attributes(tag: re.Match[str]) -> Iterator[tuple[str, str, str]]:
    for found in _ATTRIBUTE.finditer(tag["attributes"] or ""):
        yield found[1], found[2] or "", found[3] or ""


def _printed(pieces: Sequence[Piece]) -> list[Piece]:
    return [piece for piece in pieces if piece.name]
