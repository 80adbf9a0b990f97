"""HTML of other programs as the Markdown of ours. What Markdown has no sign for goes; its words stay."""

import re
from html.parser import HTMLParser
from typing import Final

AROUND: Final = {"b": "**", "strong": "**", "i": "*", "em": "*", "code": "`", "tt": "`", "kbd": "`"}
RAISED: Final = {"sub": ("$_{", "}$"), "sup": ("$^{", "}$")}
PARTS: Final = frozenset(
    [
        "p",
        "div",
        "section",
        "article",
        "table",
        "tr",
        "ul",
        "ol",
        "blockquote",
        "pre",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
    ]
)
UNSEEN: Final = frozenset({"script", "style", "head", "template"})
TAGGED: Final = re.compile(r"<[A-Za-z/!]")
BLANK_LINES: Final = re.compile(r"[ \t]*\n[ \t]*(?:\n[ \t]*)+")
ADDRESS: Final = re.compile(r"(?:https?://|mailto:)[^\s()<>]+", re.IGNORECASE)


def markdown_of(html: str) -> str:
    """Return the Markdown of some HTML; a text without tags and entities stays as it is."""
    if not TAGGED.search(html) and "&" not in html:
        return html
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return BLANK_LINES.sub("\n\n", "".join(reader.written)).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.written: list[str] = []
        self._unseen = 0
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write the sign that opens an element."""
        values = dict(attrs)
        if tag in UNSEEN:
            self._unseen += 1
        elif tag in PARTS:
            self._write("\n\n")
        elif tag == "br":
            self._write("\n")
        elif tag == "li":
            self._write("\n- ")
        elif tag == "img" and values.get("alt"):
            self._write(f"[{values['alt']}]")
        elif tag == "a":
            self._links.append(values.get("href") or "")
            self._write("[" if ADDRESS.fullmatch(self._links[-1]) else "")
        else:
            self._write(AROUND.get(tag) or RAISED.get(tag, ("", ""))[0])

    def handle_endtag(self, tag: str) -> None:
        """Write the sign that closes an element."""
        if tag in UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in PARTS:
            self._write("\n\n")
        elif tag == "a":
            address = self._links.pop() if self._links else ""
            self._write(f"]({address})" if ADDRESS.fullmatch(address) else "")
        else:
            self._write(AROUND.get(tag) or RAISED.get(tag, ("", ""))[1])

    def handle_data(self, data: str) -> None:
        """Write words."""
        self._write(data.replace("\u00a0", " "))

    def _write(self, text: str) -> None:
        if not self._unseen:
            self.written.append(text)
