"""India's register of SMS (DLT): a text leaves only as it was registered, word for word.

The operators compare every commercial SMS to an Indian number with the content template that its sender
registered on their DLT platforms (TRAI, TCCCPR 2018). A template holds ``{#var#}`` where a value goes; each
takes at most 30 characters, blanks included, and a longer value needs several of them side by side. What
differs is dropped on its way, so it is refused here, where somebody is told.
"""

import re
from functools import reduce
from operator import or_
from typing import Final

from services.notifications.templates import TemplateSource

MARK: Final = "{#var#}"
MARK_CHARACTERS: Final = 30
MARKS: Final = re.compile(r"((?:\{#var#\})+)")
INDIA: Final = "+91"
SHOWN: Final = 24
RULE: Final = f"each {MARK} takes 1 to {MARK_CHARACTERS} characters"


def dlt_refusal(source: TemplateSource, to: str, text: str) -> str | None:
    """Return why an SMS may not leave for this number as it is; None where it may."""
    if not to.startswith(INDIA):
        return None
    if source.dlt_text:
        return mismatch(source.dlt_text, text)
    return "no registered text (DLT) belongs to this template" if source.dlt_required else None


def mismatch(registered: str, text: str) -> str | None:
    """Return where a text differs from the registered one; None where it does not. Quotes the latter only."""
    places = 1  # a bit for each place that the text may be at, after each part
    for part in MARKS.split(registered):
        reached = _after(part, text, places)
        if not reached:
            return f"differs from the registered text (DLT) at “{part[:SHOWN]}”; {RULE}"
        places = reached
    return None if places >> len(text) else "goes on after the end of the registered text (DLT)"


def registered_fault(registered: str) -> str | None:
    """Return what is wrong with a registered text itself."""
    if "{#" in registered.replace(MARK, "") or "#}" in registered.replace(MARK, ""):
        return f"holds a mark other than {MARK}"
    if not registered.replace(MARK, "").strip():
        return f"holds nothing but {MARK}"
    return None


def _after(part: str, text: str, places: int) -> int:
    if not part.startswith(MARK):
        fits = sum(1 << place for place in range(len(text) + 1) if text.startswith(part, place))
        return (places & fits) << len(part)
    most = len(part) // len(MARK) * MARK_CHARACTERS
    within = (1 << len(text) + 1) - 1
    return reduce(or_, (places << taken for taken in range(1, min(most, len(text)) + 1)), 0) & within
