"""The paper projection: what a student may see while sitting. Everything else is left out, not taken away."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, SerializeAsAny

from services.questions.bodies import Blank
from services.questions.content import AnyChild, AnyContent, PassageSet, QuestionSet, child_id
from services.questions.markup import rendered
from services.questions.parts import Choice, Option, QuestionType, SampleCase
from utils.decimals import Amount


class PaperBody(BaseModel):
    """The body of a type: a list of what is shown, so that a new field of authors is hidden until named."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class PaperOptions(PaperBody):
    options: tuple[Option, ...]


class PaperNumeric(PaperBody):
    unit: str | None


class PaperMatching(PaperBody):
    left: tuple[Choice, ...]
    right: tuple[Choice, ...]


class PaperOrdering(PaperBody):
    items: tuple[Choice, ...]


class PaperCloze(PaperBody):
    text: str
    blanks: tuple[Blank, ...]


class PaperEssay(PaperBody):
    min_words: int | None
    max_words: int | None


class PaperSpoken(PaperBody):
    """``reference_text`` is null where it is only heard."""

    prompt: str
    reference_text: str | None
    max_seconds: int
    task: str


class PaperCode(PaperBody):
    languages: tuple[str, ...]
    samples: tuple[SampleCase, ...]


class PaperQuestion(BaseModel):
    """A question without key, fractions, explanation, feedback, hidden cases or the text of what is heard.

    ``certainty``: the answer says how sure the student is, 1 to 3, and that changes what it earns or costs.
    """

    model_config = ConfigDict(frozen=True)

    id: str | None = None
    type: QuestionType
    stem: str
    stem_html: str
    mark: Amount
    certainty: bool = False
    media: tuple[str, ...]
    body: SerializeAsAny[PaperBody]


class PaperPassage(PaperBody):
    passage: str
    children: tuple[PaperQuestion, ...]


class PaperListening(PaperBody):
    audio_file_id: str | None
    plays: int | None
    children: tuple[PaperQuestion, ...]


BODIES: Final[Mapping[QuestionType, type[PaperBody]]] = {
    QuestionType.SINGLE: PaperOptions,
    QuestionType.MULTIPLE: PaperOptions,
    QuestionType.TRUE_FALSE: PaperBody,
    QuestionType.NUMERIC: PaperNumeric,
    QuestionType.SHORT_TEXT: PaperBody,
    QuestionType.MATCHING: PaperMatching,
    QuestionType.ORDERING: PaperOrdering,
    QuestionType.CLOZE: PaperCloze,
    QuestionType.ESSAY: PaperEssay,
    QuestionType.SPOKEN: PaperSpoken,
    QuestionType.CODE: PaperCode,
}


def paper_of(content: AnyContent) -> PaperQuestion:
    """Return what a student sees of a question."""
    if isinstance(content, QuestionSet):
        return _shown(content, content.id, _set_body(content))
    return _child(content, content.id)


def _child(content: AnyChild, name: str | None) -> PaperQuestion:
    fields = content.body.model_dump()
    match content.type:
        case QuestionType.ORDERING:
            fields["items"] = mixed(fields["items"], content.stem)
        case QuestionType.MATCHING:
            fields["right"] = mixed(fields["right"], content.stem)
        case QuestionType.SPOKEN if fields["task"] != "read_aloud":
            fields["reference_text"] = None
    return _shown(content, name, BODIES[content.type].model_validate(fields))


def _set_body(content: QuestionSet) -> PaperBody:
    children = tuple(
        _child(one, child_id(number, one)) for number, one in enumerate(content.body.children, 1)
    )
    if isinstance(content, PassageSet):
        return PaperPassage(passage=content.body.passage, children=children)
    body = content.body
    return PaperListening(audio_file_id=body.audio_file_id, plays=body.plays, children=children)


def _shown(content: AnyContent, name: str | None, body: PaperBody) -> PaperQuestion:
    return PaperQuestion(
        id=name,
        type=content.type,
        stem=content.stem,
        stem_html=rendered(content.stem),
        mark=content.mark,
        certainty=getattr(content.scoring, "certainty", False),
        media=content.media,
        body=body,
    )


def mixed(items: Sequence[Any], salt: str) -> list[Any]:
    """Return parts in an order that says nothing: authors tend to write them down in the right one."""
    return sorted(items, key=lambda item: hashlib.sha256(f"{salt}\n{item['id']}".encode()).digest())
