"""A cell as a person sees it: text, digits with their leading zeros, an ISO date; or why it has no value."""

import math
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from typing import Final

from services.imports.roster.lines import LONGEST_CELL, Cell, Fault
from utils.csv_cells import rejoined
from utils.identifiers import starts_formula

SAFE_INTEGER: Final = 10**15
UNSEEN_AT_THE_ENDS: Final = re.compile(r"^[\s\ufeff\u200b\u200e\u200f]+|[\s\ufeff\u200b\u200e\u200f]+$")
UNSTORABLE: Final = re.compile(r"[\x00\ud800-\udfff]")
SHORTENED: Final = re.compile(r"[0-9][.,]?[0-9]*[eE]\+[0-9]+")
FORMAT_PART: Final = re.compile(r'(?P<digit>[0#?])|"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|(?P<plain>[-() +])|.')


def text_cell(text: str) -> Cell:
    """Return a text cell without what surrounds it: white space, invisible marks, a protecting apostrophe."""
    stripped = _without_apostrophe(UNSEEN_AT_THE_ENDS.sub("", rejoined(text)))
    storable = UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", stripped)
    if len(storable) > LONGEST_CELL:
        return Fault(f"{storable[:LONGEST_CELL]}…", f"is longer than {LONGEST_CELL} characters")
    if storable.startswith("="):
        return formula_cell(storable)
    if SHORTENED.fullmatch(storable):
        return Fault(
            storable,
            "was shortened by a spreadsheet; format the column as text and type the number again",
        )
    return storable


def formula_cell(formula: str) -> Fault:
    """Return the fault of a cell that holds a formula, which we never run."""
    return Fault(formula[:LONGEST_CELL], "holds a formula; copy the column and paste it as values")


def value_cell(value: object, number_format: str = "General") -> Cell:
    """Return a typed spreadsheet value the way the spreadsheet shows it."""
    match value:
        case None:
            return ""
        case str():
            return text_cell(value)
        case bool():
            return str(value).upper()
        case int() | float():
            return _number_cell(value, number_format)
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
        case date() | time() | timedelta():
            return str(value)
        case _:
            return Fault("", "holds something that is neither text nor a number")


def _without_apostrophe(text: str) -> str:
    """Take off what our own files put before a cell that a spreadsheet would run or reckon with."""
    bare = UNSEEN_AT_THE_ENDS.sub("", text.lstrip("'"))
    return bare if bare[:1].isdecimal() or starts_formula(bare) else text


def _number_cell(value: int | float, number_format: str) -> Cell:
    if not math.isfinite(value) or abs(value) >= SAFE_INTEGER:
        return Fault(
            f"{value:.15g}",
            "has more digits than a spreadsheet number keeps; format the column as text and type it again",
        )
    if value >= 0 and (laid_out := _laid_out(str(round(value)), number_format)) is not None:
        return laid_out
    return str(int(value)) if value == int(value) else format(Decimal(repr(value)), "f")


def _laid_out(digits: str, number_format: str) -> str | None:
    """Return digits in a format such as 000000, 00-000 or "CS"000; None for a format of another kind."""
    parts = list(FORMAT_PART.finditer(number_format.split(";")[0]))
    places = [index for index, part in enumerate(parts) if part["digit"]]
    if not places or any(part.lastgroup is None for part in parts):
        return None
    shown: list[str] = []
    for index in reversed(range(len(parts))):
        part = parts[index]
        if not part["digit"]:
            shown.append(part["quoted"] or part["escaped"] or part["plain"] or "")
            continue
        blank = "0" if part["digit"] == "0" else ""
        taken = len(digits) if index == places[0] else 1
        shown.append(digits[-taken:] if digits and taken else blank)
        digits = digits[:-taken] if taken else digits
    return "".join(chain(reversed(shown))).strip()
