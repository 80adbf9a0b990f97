"""Questions as files hold them, before anybody has checked them: the shape that clients send, and a line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from services.questions.content import AnyContent, contents

SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Draft:
    """One question of a file. ``reason``: why it is none. ``place``: where the file says that it goes."""

    line: int
    source: str
    content: Mapping[str, Any] | None = None
    place: Mapping[str, Any] | None = None
    reason: str | None = None

    @property
    def text(self) -> str:
        """The beginning of what stands in the file, on one line."""
        plain = " ".join(self.source.split())
        return plain if len(plain) <= SHOWN else f"{plain[:SHOWN]}…"


class NoQuestion(Exception):
    """What stands in the file is no question of ours; the text says why."""


def content_of(draft: Draft) -> AnyContent:
    """Return the checked content; raise NoQuestion for what is none."""
    if draft.reason is not None or draft.content is None:
        raise NoQuestion(draft.reason or "It holds no question.")
    try:
        found: AnyContent = contents.validate_python(dict(draft.content))
    except ValidationError as error:
        raise NoQuestion(told(error)) from None
    return found


def told(error: ValidationError) -> str:
    """Return what is wrong in one sentence: the first fault and where it is."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"] if not str(part).startswith("<"))
    detail = first["msg"].removeprefix("Value error, ")
    return f"{place}: {detail}" if place else detail
