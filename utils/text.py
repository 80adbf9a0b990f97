"""Normal forms of names that people give to things."""

import unicodedata


def tidy(text: str) -> str:
    """Return the text in NFC, without white space around it and single spaces inside."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def key_of(text: str) -> str:
    """Return the form in which two names are the same: case, width and white space do not count."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
