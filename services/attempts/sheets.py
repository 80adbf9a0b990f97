"""A test's paper as attempts need it: what its slots take for an answer. Made once per process and test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from services.assessments.documents import AssessmentPaper
from services.questions.parts import QuestionType
from services.questions.responses import accepted

PLACES = ("options", "left", "right", "items", "blanks")


@dataclass(frozen=True, slots=True)
class Slot:
    """What one slot asks: its type, the ids in it that an answer may name, what may be heard how often."""

    type: QuestionType
    ids: Mapping[str, frozenset[str]]
    children: Mapping[str, "Slot"]
    audio_file_id: str | None = None
    plays: int | None = None

    @classmethod
    def of(cls, shown: Mapping[str, Any]) -> Self:
        """Read a question of a paper."""
        body = shown["body"]
        return cls(
            type=QuestionType(shown["type"]),
            ids={place: frozenset(part["id"] for part in body.get(place) or ()) for place in PLACES},
            children={str(child["id"]): cls.of(child) for child in body.get("children") or ()},
            audio_file_id=body.get("audio_file_id"),
            plays=body.get("plays"),
        )

    def accept(self, response: Mapping[str, Any], at: str) -> None:
        """Raise Invalid for what is no answer to this question; ``at`` is its JSON pointer."""
        accepted(self.type, response, at, self.ids, self.children)
        for name, given in response.get("children", {}).items() if self.children else ():
            self.children[name].accept(given, f"{at}/children/{name}")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A paper with what its slots take."""

    sections: Sequence[Mapping[str, Any]]
    slots: Mapping[str, Slot]

    @classmethod
    def of(cls, paper: AssessmentPaper) -> Self:
        """Read a stored paper."""
        shown = [slot for section in paper.sections for slot in section["slots"]]
        return cls(paper.sections, {str(slot["slot"]): Slot.of(slot) for slot in shown})
