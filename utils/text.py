"""Texts of people and of others: normal forms of names, and sentences without anything personal."""

import re
import unicodedata
from typing import Final

HIDDEN: Final = "…"
# An address (of mail, or of a machine in IPv6 or IPv4), a link, a telephone number, or what could be a token.
PRIVATE: Final = re.compile(
    r"\S+@\S+|\b[a-z]+://\S+"
    r"|(?<![\w:])(?:[\da-f]{0,4}:){2,7}[\da-f.]*(?:%\w+)?|\b\d{1,3}(?:\.\d{1,3}){3}\b"
    r"|\+?\d[\d ()-]{5,}\d|[\w-]{24,}",
    re.IGNORECASE,
)


def tidy(text: str) -> str:
    """Return the text in NFC, without white space around it and single spaces inside."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def key_of(text: str) -> str:
    """Return the form in which two names are the same: case, width and white space do not count."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def impersonal(text: str) -> str:
    """Return somebody's sentence on one line, without addresses, links, numbers and tokens in it."""
    return " ".join(PRIVATE.sub(HIDDEN, text).split())
