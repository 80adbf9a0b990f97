"""In which order an attempt shows a paper: a pure function of the paper and the attempt's seed.

What is shuffled stands in the order of hashes over the seed, the place and its own id. So the order is the
same in every process and every release, and says nothing of the order in which the author wrote.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

Shown = dict[str, Any]
MIXED: Final = ("options", "right", "items")  # of what a body holds; a part that is pinned keeps its place


def arranged(
    sections: Sequence[Mapping[str, Any]], seed: str, *, shuffle_questions: bool, shuffle_options: bool
) -> list[Shown]:
    """Return a paper's sections as an attempt shows them. Sections and children of sets keep their order."""
    shown = []
    for number, section in enumerate(sections, 1):
        slots = section["slots"]
        if shuffle_questions:
            slots = _ordered(slots, f"{seed}\n{number}", "slot")
        if shuffle_options:
            slots = [_with_body(slot, f"{seed}\n{number}\n{slot['slot']}") for slot in slots]
        shown.append({**section, "slots": list(slots)})
    return shown


def _with_body(question: Mapping[str, Any], place: str) -> Shown:
    return {**question, "body": _body(question["body"], place)}


def _body(body: Mapping[str, Any], place: str) -> Shown:
    """Return a body with its parts shuffled, those of its blanks and of the questions of a set included."""
    shown = dict(body)
    for name in MIXED:
        if body.get(name):
            shown[name] = _ordered(body[name], f"{place}\n{name}", "id")
    if body.get("blanks"):
        shown["blanks"] = [_body(blank, f"{place}\n{blank['id']}") for blank in body["blanks"]]
    if body.get("children"):
        shown["children"] = [_with_body(child, f"{place}\n{child['id']}") for child in body["children"]]
    return shown


def _ordered(parts: Sequence[Any], salt: str, name: str) -> list[Any]:
    def position(part: Mapping[str, Any]) -> bytes:
        return hashlib.sha256(f"{salt}\n{part[name]}".encode()).digest()

    free = iter(sorted((part for part in parts if not part.get("pinned")), key=position))
    return [part if part.get("pinned") else next(free) for part in parts]
