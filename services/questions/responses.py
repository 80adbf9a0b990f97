"""What a student answers: one model per type. Ids that the question does not have are refused."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field, StringConstraints, ValidationError

from services.questions.content import AnyContent, QuestionSet, child_id
from services.questions.parts import FileId, Part, PartId, QuestionType
from utils.problems import Invalid

LONGEST_ANSWER: Final = 100_000
Typed = Annotated[str, StringConstraints(max_length=1_000)]
Certainty = Annotated[int, Field(ge=1, le=3)]


class Response(Part):
    """``certainty`` is how sure the student is, where the question asks for it."""

    places: ClassVar[tuple[str, ...]] = ()  # of a body whose ids it names

    certainty: Certainty = 1

    @property
    def blank(self) -> bool:
        """Whether nothing was answered."""
        return not any(getattr(self, name) for name in type(self).model_fields if name != "certainty")

    def named(self) -> Iterator[tuple[str, str, Iterable[str]]]:
        """Yield the ids in it: where they stand, the part of the body that has them, and the ids."""
        yield from ()


class SingleResponse(Response):
    places = ("options",)
    option: PartId | None = None

    def named(self) -> Iterator[tuple[str, str, Iterable[str]]]:
        """Yield the option."""
        yield "option", "options", [self.option] if self.option else []


class MultipleResponse(Response):
    places = ("options",)
    options: Annotated[tuple[PartId, ...], Field(max_length=50)] = ()

    def named(self) -> Iterator[tuple[str, str, Iterable[str]]]:
        """Yield the options."""
        yield "options", "options", self.options


class TrueFalseResponse(Response):
    value: bool | None = None

    @property
    def blank(self) -> bool:
        """Whether neither was chosen."""
        return self.value is None


class NumericResponse(Response):
    value: Typed = ""

    @property
    def blank(self) -> bool:
        """Whether nothing but blanks was typed."""
        return not self.value.strip()


class ShortTextResponse(Response):
    text: Typed = ""

    @property
    def blank(self) -> bool:
        """Whether nothing but blanks was typed."""
        return not self.text.strip()


class MatchingResponse(Response):
    places = ("left", "right")
    pairs: Annotated[dict[PartId, PartId], Field(default_factory=dict, max_length=50)]

    def named(self) -> Iterator[tuple[str, str, Iterable[str]]]:
        """Yield both sides of the pairs."""
        yield "pairs", "left", self.pairs
        yield "pairs", "right", self.pairs.values()


class OrderingResponse(Response):
    places = ("items",)
    order: Annotated[tuple[PartId, ...], Field(max_length=50)] = ()

    def named(self) -> Iterator[tuple[str, str, Iterable[str]]]:
        """Yield the items."""
        yield "order", "items", self.order


class ClozeResponse(Response):
    places = ("blanks",)
    blanks: Annotated[dict[PartId, Typed], Field(default_factory=dict, max_length=50)]

    @property
    def blank(self) -> bool:
        """Whether no gap was filled."""
        return not any(value.strip() for value in self.blanks.values())

    def named(self) -> Iterator[tuple[str, str, Iterable[str]]]:
        """Yield the blanks."""
        yield "blanks", "blanks", self.blanks


class SetResponse(Response):
    children: Annotated[dict[PartId, dict[str, Any]], Field(default_factory=dict, max_length=50)]


class EssayResponse(Response):
    text: Annotated[str, StringConstraints(max_length=LONGEST_ANSWER)] = ""

    @property
    def blank(self) -> bool:
        """Whether nothing but blanks was written."""
        return not self.text.strip()


class SpokenResponse(Response):
    file_id: FileId | None = None


class CodeResponse(Response):
    language: Annotated[str, StringConstraints(max_length=30)] = ""
    source: Annotated[str, StringConstraints(max_length=LONGEST_ANSWER)] = ""

    @property
    def blank(self) -> bool:
        """Whether there is no program."""
        return not self.source.strip()


RESPONSES: Final[Mapping[QuestionType, type[Response]]] = {
    QuestionType.SINGLE: SingleResponse,
    QuestionType.MULTIPLE: MultipleResponse,
    QuestionType.TRUE_FALSE: TrueFalseResponse,
    QuestionType.NUMERIC: NumericResponse,
    QuestionType.SHORT_TEXT: ShortTextResponse,
    QuestionType.MATCHING: MatchingResponse,
    QuestionType.ORDERING: OrderingResponse,
    QuestionType.CLOZE: ClozeResponse,
    QuestionType.PASSAGE_SET: SetResponse,
    QuestionType.LISTENING_SET: SetResponse,
    QuestionType.ESSAY: EssayResponse,
    QuestionType.SPOKEN: SpokenResponse,
    QuestionType.CODE: CodeResponse,
}


def response_to(content: AnyContent, given: Mapping[str, Any], at: str = "/response") -> Response:
    """Return what was answered; raise Invalid for what is no answer to this question."""
    response_type = RESPONSES[content.type]
    ids = {place: {part.id for part in getattr(content.body, place)} for place in response_type.places}
    children = children_of(content) if isinstance(content, QuestionSet) else {}
    return accepted(content.type, given, at, ids, children)


def accepted(
    kind: QuestionType,
    given: Mapping[str, Any],
    at: str,
    ids: Mapping[str, Collection[str]],
    children: Collection[str],
) -> Response:
    """Return an answer to a question of this type with these ids, by their place in its body, and children.

    Raise Invalid for what is none; ``at`` is the JSON pointer of what was given.
    """
    try:
        response = RESPONSES[kind].model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise Invalid(errors=[_told(at, one["loc"], one["msg"]) for one in found]) from None
    for field, place, named in response.named():
        if strangers := [one for one in named if one not in ids[place]]:
            raise Invalid(errors=[_told(at, (field,), f"names {strangers[0]!r}, which is not there")])
    if isinstance(response, SetResponse):
        for child in response.children.keys() - set(children):
            raise Invalid(errors=[_told(at, ("children", child), "is no child of this set")])
    if isinstance(response, OrderingResponse) and len(set(response.order)) != len(response.order):
        raise Invalid(errors=[_told(at, ("order",), "names an item twice")])
    return response


def readable(content: AnyContent, given: Mapping[str, Any]) -> Response:
    """Return what was answered; whatever cannot be read as an answer to this question is blank."""
    try:
        if isinstance(content, QuestionSet):
            return SetResponse(children=_readable_children(content, given))
        return response_to(content, given)
    except Invalid:
        return RESPONSES[content.type]()


def _readable_children(content: QuestionSet, given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    children = given.get("children")
    found = children if isinstance(children, Mapping) else {}
    return {
        name: readable(child, answer).model_dump(exclude_defaults=True)
        for name, child in children_of(content).items()
        if isinstance(answer := found.get(name), Mapping)
    }


def children_of(content: QuestionSet) -> dict[str, AnyContent]:
    """Return the children of a set by what they are called."""
    return {child_id(number, child): child for number, child in enumerate(content.body.children, 1)}


def _told(at: str, place: Iterable[int | str], detail: str) -> dict[str, str]:
    return {"pointer": "/".join([at, *map(str, place)]), "detail": detail.removeprefix("Value error, ")}
