"""Exact decimal numbers: strings outside, ``Decimal`` inside, ``Decimal128`` in MongoDB. Never floats."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from types import NoneType
from typing import Annotated, Any, Final

from bson import Decimal128
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)
PLAIN: Final = re.compile(r"[+-]?\d{1,12}(?:\.\d{1,12})?")
SCIENTIFIC: Final = re.compile(r"[+-]?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,3})?")
MOST_EXPONENT: Final = 300
AS_THEY_ARE: Final = (str, int, NoneType, datetime)  # most values; asked first, since Mapping is slow to ask
STORED: Final = Context(prec=34)  # what a Decimal128 holds


def plain(number: Decimal) -> str:
    """Return the shortest text of a number, without an exponent where it has few digits."""
    short = number.normalize(STORED)
    if short == 0:
        return "0"
    return f"{short:f}" if -20 <= short.adjusted() <= 20 else str(short)


def rounded(number: Decimal, places: int) -> Decimal:
    """Return a number as it is displayed: rounded once, halves away from zero."""
    return number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError('must be a decimal number in quotation marks, such as "0.5"')
    return value.strip()


def _amount(value: Any) -> Decimal:
    text = _text(value)
    if not PLAIN.fullmatch(text):
        raise ValueError('must be a decimal number such as "0.5", with up to 12 digits on each side')
    return Decimal(text)


def _number(value: Any) -> Decimal:
    text = _text(value)
    if not SCIENTIFIC.fullmatch(text) or abs((number := Decimal(text)).adjusted()) > MOST_EXPONENT:
        raise ValueError('must be a decimal number such as "3.14" or "6.02e23"')
    return number


def _schema(pattern: re.Pattern[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern.pattern}$"})


_AS_TEXT: Final = PlainSerializer(plain, return_type=str, when_used="json")
# Marks and fractions; and numbers of any size, as in answers.
Amount = Annotated[Decimal, BeforeValidator(_amount), _AS_TEXT, _schema(PLAIN)]
Number = Annotated[Decimal, BeforeValidator(_number), _AS_TEXT, _schema(SCIENTIFIC)]


def to_stored(value: Any) -> Any:
    """Return a value as MongoDB keeps it: every ``Decimal`` in it as a ``Decimal128``."""
    if isinstance(value, AS_THEY_ARE):
        return value
    if isinstance(value, Decimal):
        return Decimal128(STORED.plus(value))
    if isinstance(value, Mapping):
        return {name: to_stored(part) for name, part in value.items()}
    return [to_stored(part) for part in value] if isinstance(value, list | tuple) else value


def from_stored(value: Any) -> Any:
    """Return what ``to_stored`` was given."""
    if isinstance(value, AS_THEY_ARE):
        return value
    if isinstance(value, Decimal128):
        return value.to_decimal()
    if isinstance(value, Mapping):
        return {name: from_stored(part) for name, part in value.items()}
    return [from_stored(part) for part in value] if isinstance(value, list) else value
