"""What a search of students is made of: the terms they are found by, and what somebody typed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

import phonenumbers

from utils.identifiers import LONGEST_TERM, NotAllowed, mobile_of, search_term, search_terms, username_of

BEYOND: Final = "\uffff"  # after every character of a username


@dataclass(frozen=True, slots=True)
class Search:
    """What a student has to have: every one of ``terms``, the most telling first.

    A term holds the first ten characters of a word. ``longer`` are typed words of more, which a roll number
    that agrees in the first ten has to begin with.
    """

    terms: tuple[str, ...]
    longer: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str, country: str) -> Self | None:
        """Read what was typed: a mobile number as people write it, or words; None if it holds neither."""
        if number := _mobile(text, country):
            return cls((_national(number)[:LONGEST_TERM],))
        typed = sorted(search_term(text), key=len, reverse=True)
        # one letter is found only where it is a whole word: beside a longer word it is one still being typed
        terms = tuple(term for term in typed if len(term) > 1) or tuple(typed)
        return cls(terms, tuple(_long_words(text))) if terms else None

    @property
    def conditions(self) -> list[dict[str, Any]]:
        """The filters that all have to hold."""
        terms = self.terms[0] if len(self.terms) == 1 else {"$all": list(self.terms)}
        return [{"terms": terms}, *map(_begins, self.longer)]


def terms_of(name: str, roll_number: str, mobile_number: str | None) -> tuple[str, ...]:
    """Return the terms of a student: of a mobile number those without the country's code, and the whole."""
    if mobile_number is None:
        return tuple(search_terms(name, roll_number))
    whole = search_term(mobile_number)
    return tuple(sorted({*search_terms(name, roll_number, _national(mobile_number)), *whole}))


def _begins(word: str) -> dict[str, Any]:
    term = word[:LONGEST_TERM]
    inside = {"username": {"$gte": word, "$lt": word + BEYOND}}
    return {"$or": [inside, {"username": {"$lt": term}}, {"username": {"$gte": term + BEYOND}}]}


def _long_words(text: str) -> Iterator[str]:
    for word in text.split():
        try:
            username = username_of(word)
        except NotAllowed:
            continue
        if len(username) > LONGEST_TERM and username.isalnum():
            yield username


def _mobile(text: str, country: str) -> str | None:
    """Return the number that was typed with a plus, spaces or dashes; digits alone may be a roll number."""
    if text.strip().isalnum():
        return None
    try:
        return mobile_of(text, country)
    except NotAllowed:
        return None


def _national(mobile_number: str) -> str:
    return phonenumbers.national_significant_number(phonenumbers.parse(mobile_number))
