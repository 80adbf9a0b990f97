"""What the html of a message may hold: plain elements, addresses of the web, and placeholders as text.

Nothing that runs, nothing that fetches or follows an address with a one-time link in it, nothing that mail
programs read in several ways: what is not clearly a tag is a fault.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from itertools import accumulate
from typing import Final

from services.notifications.catalogue import Placeholder
from services.notifications.syntax import Fault, Piece, glued

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


def html_faults(pieces: Sequence[Piece], known: Mapping[str, Placeholder]) -> list[Fault]:
    """Return what is wrong with an html part that can be read."""
    return _Page(pieces, known).faults


class _Page(HTMLParser):
    def __init__(self, pieces: Sequence[Piece], known: Mapping[str, Placeholder]) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[Fault] = []
        self._pieces, self._known = pieces, known
        self._marked = {chr(FIRST_MARK + place): piece for place, piece in enumerate(_printed(pieces))}
        marks = iter(self._marked)
        shown = [piece.text or (next(marks) if piece.name else CONDITION) for piece in pieces]
        self._text = "".join(shown)
        self._starts = [0, *accumulate(map(len, shown))]
        self._lines = [0, *(place + 1 for place, char in enumerate(self._text) if char == "\n")]
        self._tags: set[int] = set()
        self._leads: str | None = None  # where the link leads in which we are
        self.feed(self._text)
        self.close()
        self.faults += [
            self._at(place, "a < that begins no tag: write &lt;")
            for place, char in enumerate(self._text)
            if char == "<" and place not in self._tags
        ]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element and its attributes."""
        if tag not in ELEMENTS:
            self._fault(f"<{_readable(tag)}> is not allowed in a message: take it out")
        written = self.get_starttag_text() or ""
        links = sum(written.count(f'href="{value}"') for name, value in attrs if self._is_link(name, value))
        if links < sum(char in self._marked or char == CONDITION for char in written):
            self._fault(
                f"<{_readable(tag)}> cannot hold a placeholder or a condition; only a link can, "
                'and only as href="{{ link }}"'
            )
        for name, value in attrs:
            if not self._is_link(name, value):
                self._attribute(name, value or "")
        if tag == "a":
            self._leads = dict(attrs).get("href")
        self._tag()

    def handle_endtag(self, tag: str) -> None:
        """Take the end of an element."""
        if tag == "a":
            self._leads = None
        self._tag()

    def handle_data(self, data: str) -> None:
        """Look at what is read as words."""
        for place, character in enumerate(data):
            piece = self._marked.get(character)
            if piece is None or not self._known[piece.name].link:
                continue
            around = (data[:place][-1:] or " ") + (data[place + 1 :][:1] or " ")
            if not around.isspace():
                self.faults.append(Fault(piece.line, glued(piece.name)))
            if self._leads not in (None, character) and not self._is_link("href", self._leads):
                self.faults.append(Fault(piece.line, f"{{{{ {piece.name} }}}} is shown on a link elsewhere"))

    def handle_decl(self, decl: str) -> None:
        """Take a document type, and no other declaration."""
        if decl.lower() != "doctype html":
            self._fault("only <!DOCTYPE html> is allowed as a declaration")
        self._tag()

    def handle_comment(self, _data: str) -> None:
        """Refuse a comment: some programs show it, or run what is in it."""
        self._refused("comments reach everybody")

    def handle_pi(self, _data: str) -> None:
        """Refuse a processing instruction."""
        self._refused("<? is not allowed in a message")

    def unknown_decl(self, _data: str) -> None:
        """Refuse a marked section."""
        self._refused("<![ is not allowed in a message")

    def _attribute(self, name: str, value: str) -> None:
        if name not in ATTRIBUTES and not name.startswith("aria-"):
            self._fault(f"the attribute {_readable(name)} is not allowed in a message: take it out")
        elif name in ADDRESSES and not value.strip().lower().startswith(ADDRESSES[name]):
            self._fault(f"{name} must be an address that begins with {' or '.join(ADDRESSES[name])}")

    def _is_link(self, name: str, value: str | None) -> bool:
        piece = self._marked.get(value or "")
        return name == "href" and piece is not None and self._known[piece.name].link

    def _refused(self, what: str) -> None:
        self._fault(f"{what}: take it out")
        self._tag()

    def _tag(self) -> None:
        self._tags.add(self._offset())

    def _fault(self, detail: str) -> None:
        self.faults.append(self._at(self._offset(), detail))

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def _at(self, offset: int, detail: str) -> Fault:
        place = min(bisect_right(self._starts, offset), len(self._pieces)) - 1
        piece = self._pieces[place]
        return Fault(piece.line + piece.text[: offset - self._starts[place]].count("\n"), detail)


def _printed(pieces: Sequence[Piece]) -> list[Piece]:
    return [piece for piece in pieces if piece.name]


def _readable(name: str) -> str:
    return "".join("…" if FIRST_MARK <= ord(char) <= ord(CONDITION) else char for char in name)
