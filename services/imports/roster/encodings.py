"""The text of a CSV file, whatever program saved it; never letters that may be the wrong ones."""

import codecs
import re
import unicodedata
from typing import Final

from services.imports.roster.lines import RosterFailed

BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
NAMES: Final = {"utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "cp1252": "Windows-1252"}
WESTERN_MARKS: Final = "’‘“”–—…•·°ºª´«»\u00a0"  # noqa: RUF001  typographic marks are what they are
FOREIGN_RUN: Final = re.compile(r"[^\W\d_\x00-\x7f]{3,}")
SAMPLE_BYTES: Final = 64
SAVE_AS_UTF8: Final = 'Save it again as "CSV UTF-8" (or as an Excel workbook) and upload that.'

UNKNOWN: Final = f"The letters of this file cannot be told. {SAVE_AS_UTF8}"
NOT_TEXT: Final = f"This is neither a workbook (.xlsx) nor a text file. {SAVE_AS_UTF8}"


def decoded(content: bytes) -> tuple[str, str]:
    """Return the text and the name of its encoding; raise RosterFailed when it cannot be told for certain."""
    for bom, encoding in BOMS:
        if content.startswith(bom):
            return _text(content[len(bom) :], encoding), NAMES[encoding]
    for guess in (_wide(content), "utf-8"):
        if guess and (found := _tried(content, guess)) is not None:
            return _without_nul(found), NAMES[guess]
    if b"\0" in content:
        raise RosterFailed("not-text", NOT_TEXT)
    text = _text(content, "cp1252")
    if not _western(text):
        raise RosterFailed("unknown-encoding", UNKNOWN)
    return text, NAMES["cp1252"]


def _text(content: bytes, encoding: str) -> str:
    text = _tried(content, encoding)
    if text is None:
        raise RosterFailed("unknown-encoding", UNKNOWN)
    return _without_nul(text)


def _tried(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise RosterFailed("not-text", NOT_TEXT)
    return text


def _wide(content: bytes) -> str | None:
    """Return UTF-16 when every other byte of the beginning is mostly NUL, as in headings of Latin letters."""
    sample = content[:SAMPLE_BYTES]
    half = len(sample) // 2
    if sample[1::2].count(0) > half * 0.8:
        return "utf-16-le"
    return "utf-16-be" if sample[0::2].count(0) > half * 0.8 else None


def _western(text: str) -> bool:
    """Tell whether the letters beyond ASCII look like accents here and there, not like another alphabet."""
    strangers = {char for char in text if char > "\x7f"}
    letters = all(unicodedata.category(char) in ("Lu", "Ll") or char in WESTERN_MARKS for char in strangers)
    return letters and not FOREIGN_RUN.search(text)
