"""What clients send and see of the question bank, as authors; papers and reviews are elsewhere."""

from datetime import datetime
from typing import Annotated, Any, Final, Self, Union

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
    Tag,
    create_model,
)

from services.questions.content import (
    KINDS,
    AnyContent,
    Content,
    contents,
    one_of,
)
from services.questions.documents import (
    Difficulty,
    Question,
    QuestionModule,
    QuestionStatus,
    QuestionVersion,
)
from services.questions.markup import rendered
from services.questions.parts import QuestionType
from utils.decimals import Amount, from_stored
from utils.paging import PageQuery
from utils.text import tidy


def _each_once(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tags))


Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,39}$")]
Keys = Annotated[tuple[Key, ...], AfterValidator(_each_once)]
TagName = Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(tidy)]
Tags = Annotated[tuple[TagName, ...], Field(max_length=30), AfterValidator(_each_once)]
Title = Annotated[str, StringConstraints(max_length=200), AfterValidator(tidy)]
NewStatus = Annotated[QuestionStatus, Field(description="draft or live")]


class QuestionPlace(BaseModel):
    """Where a question belongs. Without ``campus_id`` it is the own campus's, or the platform's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    module: Key
    level: Key
    topic: Key | None = None
    tags: Tags = ()
    difficulty: Difficulty = Difficulty.MEDIUM
    name: Title = ""
    status: NewStatus = QuestionStatus.LIVE
    campus_id: Id | None = None


def _sent(kind: type[Content]) -> Any:
    """Return the model of what clients send for one type: its content and its place, side by side."""
    [name] = kind.model_fields["type"].annotation.__args__  # type: ignore[union-attr]
    return Annotated[
        create_model(f"{kind.__name__}Question", __base__=(QuestionPlace, kind)), Tag(f"<{name}>")
    ]


_ANY_SENT: Final[Any] = Annotated[Union[tuple(_sent(kind) for kind in KINDS)], one_of(*QuestionType)]  # noqa: UP007


class QuestionCreate(RootModel[_ANY_SENT]):
    """A question of any type, with its place."""

    @property
    def content(self) -> AnyContent:
        """The question itself."""
        found: AnyContent = contents.validate_python(
            self.root.model_dump(exclude=set(QuestionPlace.model_fields))
        )
        return found

    @property
    def place(self) -> QuestionPlace:
        """Where it belongs."""
        return QuestionPlace(**{name: getattr(self.root, name) for name in QuestionPlace.model_fields})


class QuestionFilters(BaseModel):
    """``search`` finds whole words of stem, name and tags."""

    module: Key | None = None
    level: Key | None = None
    topic: Key | None = None
    type: QuestionType | None = None
    status: QuestionStatus | None = None
    difficulty: Difficulty | None = None
    tag: TagName | None = None
    search: str | None = Field(None, min_length=2, max_length=100)


class QuestionQuery(PageQuery, QuestionFilters):
    """``search`` finds whole words of stem, name and tags; ``sort`` is ``created_at`` or ``-created_at``."""


class _Shown(BaseModel):
    id: str
    campus_id: str | None
    name: str
    type: QuestionType
    stem: str
    module: str
    level: str
    topic: str | None
    tags: list[str]
    difficulty: Difficulty
    status: QuestionStatus
    version: int
    usage_count: int
    created_by: str
    created_at: datetime
    updated_at: datetime
    revision: int


class QuestionRow(_Shown):
    """A question as lists show it, without what is right."""

    @classmethod
    def of(cls, question: Question) -> Self:
        """Show a stored question."""
        return cls.model_validate(question.model_dump(), extra="ignore")


class QuestionOut(_Shown):
    """A question as its author sees it. ``duplicate_ids``: some others that are equal to it."""

    stem_html: str
    body: dict[str, Any]
    key: dict[str, Any] | None
    explanation: str | None
    feedback: dict[str, str]
    scoring: dict[str, Any]
    mark: Amount
    media: list[str]
    duplicate_ids: list[str]

    @classmethod
    def of(cls, question: Question, content: AnyContent, duplicate_ids: list[str]) -> Self:
        """Show a stored question with its current content."""
        written = content.model_dump(mode="json", exclude={"id"})
        head = question.model_dump(include=set(_Shown.model_fields))
        return cls.model_validate(
            {**head, **written, "stem_html": rendered(content.stem), "duplicate_ids": duplicate_ids}
        )


class VersionRow(BaseModel):
    """One version of a question, without what is right."""

    number: int
    type: QuestionType
    stem: str
    mark: Amount
    rule: str
    created_by: str
    created_at: datetime

    @classmethod
    def of(cls, version: QuestionVersion) -> Self:
        """Show a stored version."""
        shown = version.model_dump(include=set(cls.model_fields), exclude={"mark"})
        return cls(**shown, stem=version.paper["stem"], mark=from_stored(version.mark))


class VersionOut(VersionRow):
    """One version of a question as its author wrote it."""

    body: dict[str, Any]
    key: dict[str, Any] | None
    explanation: str | None
    feedback: dict[str, str]
    scoring: dict[str, Any]
    media: list[str]

    @classmethod
    def with_content(cls, version: QuestionVersion, content: AnyContent) -> Self:
        """Show a stored version with its content."""
        written = content.model_dump(mode="json", exclude={"id"})
        return cls.model_validate({**VersionRow.of(version).model_dump(), **written})


class ModulePut(BaseModel):
    """A module. Levels and topics stand in the order in which ``pass_percent`` of one opens the next."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Title, Field(min_length=1)]
    levels: Annotated[Keys, Field(min_length=1, max_length=20)]
    topics: Annotated[Keys, Field(max_length=100)] = ()
    pass_percent: Annotated[int, Field(ge=1, le=100)] = 60
    position: Annotated[int, Field(ge=0, le=10_000)] | None = None


class ModuleOut(BaseModel):
    key: str
    name: str
    levels: list[str]
    topics: list[str]
    pass_percent: int
    position: int
    revision: int

    @classmethod
    def of(cls, module: QuestionModule) -> Self:
        """Show a module."""
        return cls.model_validate({"key": module.id, **module.model_dump(exclude={"id"})})


class Modules(BaseModel):
    """All modules, in their order."""

    items: list[ModuleOut]
