"""Ids of parts that tell nothing: papers show them, and authors tend to call the right option ``right``."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.questions.content import AnyContent, contents
from services.questions.parts import QuestionType

Names = dict[str, str]  # the new id of each old one
PLAIN: Final = re.compile(r"(?P<letters>|.*[^A-Za-z])(?P<letter>[A-Za-z])|(?P<digits>.*?)(?P<number>\d{1,3})")


def neutral(content: AnyContent, *, by_place: bool = False) -> AnyContent:
    """Return the same question in which no part is called by what it is.

    Ids that only count (``a``, ``b`` or ``opt-1``, ``opt-2``) stay, unless the right order or the right pairs
    follow from them. ``by_place``: they count the lines of a file, where the right option often is the first,
    so those of options go as well. Other ids become numbers, in an order that follows from the texts alone.
    """
    fields = content.model_dump()
    _rename(fields, by_place=by_place)
    found: AnyContent = contents.validate_python(fields)
    return found


def _rename(fields: dict[str, Any], *, by_place: bool) -> None:
    match fields["type"]:
        case QuestionType.SINGLE | QuestionType.MULTIPLE:
            names = _names(fields["body"]["options"], fields["stem"], tells=by_place)
            _call(fields["body"]["options"], names)
            _choose(fields["key"], names)
            fields["feedback"] = _keyed(fields["feedback"], names)
        case QuestionType.MATCHING:
            _rename_pairs(fields)
        case QuestionType.ORDERING:
            _rename_order(fields)
        case QuestionType.CLOZE:
            _rename_blanks(fields, by_place=by_place)
        case QuestionType.PASSAGE_SET | QuestionType.LISTENING_SET:
            for child in fields["body"]["children"]:
                _rename(child, by_place=by_place)


def _rename_order(fields: dict[str, Any]) -> None:
    items, key = fields["body"]["items"], fields["key"]
    names = _names(items, fields["stem"], tells=_in_a_row(key["order"], _sorted(items)))
    _call(items, names)
    key["order"] = [names[one] for one in key["order"]]
    fields["feedback"] = _keyed(fields["feedback"], names)


def _rename_pairs(fields: dict[str, Any]) -> None:
    left, right, pairs = fields["body"]["left"], fields["body"]["right"], fields["key"]["pairs"]
    facing = [pairs[one] for one in _sorted(left)]
    there = _sorted(right)
    tells = facing in (there[: len(facing)], there[::-1][: len(facing)])
    lefts = _names(left, f"{fields['stem']}\nleft")
    rights = _names(right, f"{fields['stem']}\nright", tells=tells)
    _call(left, lefts)
    _call(right, rights)
    fields["key"]["pairs"] = {lefts[one]: rights[other] for one, other in pairs.items()}
    fields["feedback"] = _keyed(fields["feedback"], lefts)


def _rename_blanks(fields: dict[str, Any], *, by_place: bool) -> None:
    body, keys = fields["body"], fields["key"]["blanks"]
    for blank in body["blanks"]:
        names = _names(blank["options"], f"{fields['stem']}\n{body['text']}", tells=by_place)
        _call(blank["options"], names)
        _choose(keys[blank["id"]], names)
    told = [blank["id"] for blank in body["blanks"]]
    names = {one: one for one in told} if _count(told) else {one: str(n) for n, one in enumerate(told, 1)}
    _call(body["blanks"], names)
    body["text"] = re.sub(
        r"\[\[([A-Za-z0-9_-]+)\]\]", lambda found: f"[[{names.get(found[1], found[1])}]]", body["text"]
    )
    fields["key"]["blanks"] = _keyed(keys, names)
    fields["feedback"] = _keyed(fields["feedback"], names)


def _names(parts: Sequence[Mapping[str, Any]], salt: str, *, tells: bool = False) -> Names:
    """Return what each part is called from now on; ``tells``: as they are, their ids give something away."""
    if not tells and _count([part["id"] for part in parts]):
        return {part["id"]: part["id"] for part in parts}
    ranked = sorted(parts, key=lambda part: hashlib.sha256(f"{salt}\n{part['text']}".encode()).digest())
    return {part["id"]: str(n) for n, part in enumerate(ranked, 1)}


def _call(parts: Sequence[dict[str, Any]], names: Names) -> None:
    for part in parts:
        part["id"] = names[part["id"]]


def _choose(key: dict[str, Any], names: Names) -> None:
    """Let a key name what it chooses by the new names."""
    if key.get("option") is not None:
        key["option"] = names[key["option"]]
    if key.get("options") is not None:
        key["options"] = [names[one] for one in key["options"]]
    if key.get("fractions") is not None:
        key["fractions"] = _keyed(key["fractions"], names)


def _keyed(values: Mapping[str, Any], names: Names) -> dict[str, Any]:
    return {names.get(one, one): value for one, value in values.items()}


def _count(ids: Sequence[str]) -> bool:
    """Tell whether ids only count: they begin alike and end in a letter or in a number."""
    return len({_beginning(one) for one in ids}) <= 1 and all(PLAIN.fullmatch(one) for one in ids)


def _beginning(part_id: str) -> tuple[str, bool]:
    found = PLAIN.fullmatch(part_id)
    if found is None:
        return part_id, False
    return found["letters"] or found["digits"] or "", found["number"] is not None


def _sorted(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the ids of parts in the order in which they count."""
    return sorted((part["id"] for part in parts), key=_place)


def _place(part_id: str) -> tuple[int, str]:
    found = PLAIN.fullmatch(part_id)
    return (int(found["number"]) if found and found["number"] else 0), part_id


def _in_a_row(order: Sequence[str], ids: Sequence[str]) -> bool:
    return list(order) in (list(ids), list(ids)[::-1])
