"""What one document says that another, or the code, holds is there."""

import re
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def anchors(text: str) -> set[str]:
    """Return what the headings of a Markdown text can be reached by."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


def broken(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = document if not path else document.parent / path
    if not target.exists():
        return True
    return bool(anchor) and anchor not in anchors(target.read_text(encoding="utf-8"))


def test_every_link_within_the_repository_leads_somewhere() -> None:
    links = chain.from_iterable(
        ((document, link) for link in LINK.findall(document.read_text(encoding="utf-8")))
        for document in documents()
    )
    inside = [(document, link) for document, link in links if "://" not in link]

    assert inside
    assert [f"{d.relative_to(ROOT)}: {link}" for d, link in inside if broken(d, link)] == []
