"""The one normal form of what identifies a person: username, mobile, email, name, search terms."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import chain
from typing import Final

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

USERNAME: Final = re.compile(r"(?=.*[a-z0-9])[a-z0-9._/-]{1,64}")
PHONE: Final = re.compile(r"\+?[0-9]{4,20}")
BESIDE_DIGITS: Final = re.compile(r"[\s().\-\u2010-\u2015\u2212]+")
MOBILE_TYPES: Final = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
BROKEN: Final = "\N{REPLACEMENT CHARACTER}"
LINE_BREAKS: Final = "\t\n\v\f\r"
JOINERS: Final = "\u200c\u200d"
ADDRESS: Final = re.compile(r"://|@|\bwww\.|\.\w{2,}/")  # what programs that show messages make a link of
LONGEST_NAME: Final = 200
LONGEST_EMAIL: Final = 254
LONGEST_READ: Final = 1000  # NFKC can make a text eighteen times longer
LONGEST_TERM: Final = 10
MOST_TERMS: Final = 60
MOST_QUERY_WORDS: Final = 4
# Latin letters that do not come apart into a base letter and an accent
DOTLESS_I: Final = "\N{LATIN SMALL LETTER DOTLESS I}"
PLAIN_LATIN: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", DOTLESS_I: "i"}
)


class NotAllowed(ValueError):
    """A value cannot be used; the text is a sentence for the person who typed it."""


def username_of(text: str) -> str:
    """Return the normal form of a username; raise NotAllowed for anything outside a-z 0-9 . _ / -."""
    folded = unicodedata.normalize("NFKC", _short(text)).casefold().strip()
    if USERNAME.fullmatch(folded):
        return folded
    if not folded:
        raise NotAllowed("It is empty.")
    raise NotAllowed(
        f'"{_shown(text)}" cannot be used: write 1 to 64 of the letters A to Z, the digits 0 to 9 and . _ / -'
        f"{_first_outsider(folded)}."
    )


def roll_number_of(text: str) -> str:
    """Return a roll number as people write it; raise NotAllowed unless it has a valid username."""
    username_of(text)
    return unicodedata.normalize("NFKC", text).strip()


def mobile_of(text: str, country: str) -> str:
    """Return a mobile number as ``+`` and digits (E.164); one without a country code is of ``country``."""
    try:
        number = phonenumbers.parse(_dialled(text), country)
    except NumberParseException:
        raise _no_mobile(text) from None
    if phonenumbers.number_type(number) not in MOBILE_TYPES:  # the type of an invalid number is unknown
        raise _no_mobile(text)
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def email_of(text: str) -> str:
    """Return an email address in lower case; raise NotAllowed when nobody could write to it."""
    try:
        address = validate_email(_short(text).strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        address = ""
    if not address or len(address) > LONGEST_EMAIL:
        raise NotAllowed(f'"{_shown(text)}" is not an email address such as name@example.com.')
    return address


def name_of(text: str) -> str:
    """Return a person's name in any script, composed, with single spaces; never cut."""
    name = " ".join(unicodedata.normalize("NFC", _short(text)).split())
    if not name:
        raise NotAllowed("It is empty.")
    if strange := next(filter(_strange, text), None):
        raise NotAllowed(f"It holds an invisible or broken character (U+{ord(strange):04X}); type it again.")
    if len(name) > LONGEST_NAME:
        raise NotAllowed(f"It is longer than {LONGEST_NAME} characters.")
    if starts_formula(name.lstrip(JOINERS)):
        raise NotAllowed(f'"{_shown(name)}" begins with "{name.lstrip(JOINERS)[0]}", which spreadsheets run.')
    if not any(unicodedata.category(char).startswith("L") for char in name):
        raise NotAllowed(f'"{_shown(name)}" holds no letter.')
    if ADDRESS.search(unicodedata.normalize("NFKC", name).casefold()):
        raise NotAllowed(
            f'"{_shown(name)}" holds an address of the web or of mail: it would stand in messages.'
        )
    return name


def starts_formula(text: str) -> bool:
    """Tell whether a spreadsheet may take this text for a formula (full-width signs included)."""
    return unicodedata.normalize("NFKC", text[:1]).startswith(("=", "+", "-", "@", "\N{MINUS SIGN}"))


def login_forms(text: str, country: str) -> tuple[str, ...]:
    """Return the keys under which a typed login may be stored, best first; empty when it can be none."""
    return tuple(dict.fromkeys(chain(_usernames(text), _digits(text, country), _emails(text))))


def identifier_forms(username: str, country: str) -> tuple[str, ...]:
    """Return every key that a username takes: itself, and the mobile number that it could be mistaken for."""
    return tuple(dict.fromkeys((username, *_digits(username, country))))


def search_terms(*texts: str) -> list[str]:
    """Return the sorted prefixes (2 to 10 characters) under which these texts are found; at most 60.

    Whole words come first when there are too many, then the shortest prefixes of every word.
    """
    words = list(dict.fromkeys(chain.from_iterable(map(_words, texts))))
    whole = [word[:LONGEST_TERM] for word in words]
    prefixes = [word[:size] for size in range(2, LONGEST_TERM) for word in words if len(word) > size]
    return sorted(list(dict.fromkeys(whole + prefixes))[:MOST_TERMS])


def search_term(text: str) -> list[str]:
    """Return the terms that a match must all have: one per word of the query, of its first four words."""
    words = list(dict.fromkeys(_words(text)))[:MOST_QUERY_WORDS]
    return list(dict.fromkeys(word[:LONGEST_TERM] for word in words))


def search_words(text: str) -> list[str]:
    """Return the terms of a long text: its words, each once, as ``search_term`` cuts them."""
    return sorted({word[:LONGEST_TERM] for word in _words(text)})


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text[:LONGEST_READ]).casefold()
    plain = "".join(_unaccented(unicodedata.normalize("NFD", folded))).translate(PLAIN_LATIN)
    kept = (char if unicodedata.category(char)[0] in "LMN" else " " for char in plain)
    return unicodedata.normalize("NFC", "".join(kept)).split()


def _unaccented(text: str) -> Iterator[str]:
    latin = False
    for char in text:
        mark = unicodedata.category(char) == "Mn"
        if not mark:
            latin = unicodedata.name(char, "").startswith("LATIN")
        if not (mark and latin) and unicodedata.category(char) != "Cf":
            yield char


def _usernames(text: str) -> Iterator[str]:
    try:
        yield username_of(text)
    except NotAllowed:
        return


def _digits(text: str, country: str) -> Iterator[str]:
    try:
        yield mobile_of(text, country).removeprefix("+")
    except NotAllowed:
        return


def _emails(text: str) -> Iterator[str]:
    try:
        yield email_of(text)
    except NotAllowed:
        return


def _dialled(text: str) -> str:
    """Return what a telephone would dial; raise NotAllowed for letters, a second number, an extension."""
    folded = unicodedata.normalize("NFKC", _short(text))
    visible = (
        char for char in folded if unicodedata.category(char) != "Cf"
    )  # contacts paste direction marks
    ascii_digits = "".join(str(unicodedata.decimal(char, char)) for char in visible)
    number = BESIDE_DIGITS.sub("", ascii_digits)
    if not PHONE.fullmatch(number):
        raise _no_mobile(text)
    return f"+{number[2:]}" if number.startswith("00") else number


def _no_mobile(text: str) -> NotAllowed:
    example = "98765 43210 or +91 98765 43210"
    return NotAllowed(f'"{_shown(text)}" is not a mobile number such as {example}.')


def _strange(char: str) -> bool:
    """Tell whether a character has no place in a name: controls, direction overrides, lost letters."""
    if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co"):
        return char not in JOINERS and char not in LINE_BREAKS
    return char == BROKEN or ord(char) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(char) <= 0xFDEF


def _short(text: str) -> str:
    if len(text) > LONGEST_READ:
        raise NotAllowed("It is far too long.")
    return text


def _shown(text: str) -> str:
    """Return a bounded, printable echo of what was typed."""
    printable = "".join(char if char.isprintable() or char in JOINERS else BROKEN for char in text[:41])
    return printable if len(text) <= 40 else f"{printable[:40]}…"


def _first_outsider(folded: str) -> str:
    outsider = next((char for char in folded if not USERNAME.fullmatch(f"a{char}")), "")
    if outsider.isspace():
        return ", without spaces"
    return f' (not "{_shown(outsider)}")' if outsider else ""
