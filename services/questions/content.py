"""A question as its author writes it: one model per type, told apart by ``type``."""

from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import Discriminator, Field, Tag, TypeAdapter, model_validator

from services.questions.bodies import (
    ClozeBody,
    CodeBody,
    EssayBody,
    MatchingBody,
    NumericBody,
    OptionsBody,
    OrderingBody,
    SpokenBody,
)
from services.questions.keys import (
    ClozeKey,
    CodeKey,
    EssayKey,
    MatchingKey,
    MultipleKey,
    NumericKey,
    OrderingKey,
    ShortTextKey,
    SingleKey,
    SpokenKey,
    TrueFalseKey,
)
from services.questions.parts import (
    FileId,
    Mark,
    MaybeText,
    Nothing,
    Part,
    PartId,
    QuestionType,
    Text,
    known,
)
from services.questions.rules import (
    ChoiceScoring,
    ClozeScoring,
    CodeScoring,
    EssayScoring,
    MultipleScoring,
    NumericScoring,
    OrderingScoring,
    PartsScoring,
    SetScoring,
    ShortTextScoring,
    SpokenScoring,
)
from utils.decimals import ONE

QT: TypeAlias = QuestionType
MOST_CHILDREN: Final = 30


class Content(Part):
    """What all types have. ``feedback`` says something about an answer: by option, part, or number of answer
    from 1 on or ``other``, ``true`` or ``false``. ``id`` names a child in its set."""

    id: PartId | None = None
    stem: Text
    explanation: MaybeText | None = None
    feedback: Annotated[dict[PartId, MaybeText], Field(default_factory=dict, max_length=120)]
    mark: Mark = ONE
    media: Annotated[tuple[FileId, ...], Field(max_length=20)] = ()


class Single(Content):
    type: Literal[QT.SINGLE]
    body: OptionsBody
    key: SingleKey
    scoring: ChoiceScoring = ChoiceScoring()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        known(self.key.values, self.body.options, "option")
        return self


class Multiple(Content):
    type: Literal[QT.MULTIPLE]
    body: OptionsBody
    key: MultipleKey
    scoring: MultipleScoring = MultipleScoring()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        known(self.key.fractions or self.key.right, self.body.options, "option")
        if self.scoring.rule in ("option_fractions", "mapped") and self.key.fractions is None:
            raise ValueError(f"the rule {self.scoring.rule} needs a key with fractions")
        return self


class TrueFalse(Content):
    type: Literal[QT.TRUE_FALSE]
    body: Nothing = Nothing()
    key: TrueFalseKey
    scoring: ChoiceScoring = ChoiceScoring()


class Numeric(Content):
    type: Literal[QT.NUMERIC]
    body: NumericBody = NumericBody()
    key: NumericKey
    scoring: NumericScoring = NumericScoring()


class ShortText(Content):
    type: Literal[QT.SHORT_TEXT]
    body: Nothing = Nothing()
    key: ShortTextKey
    scoring: ShortTextScoring = ShortTextScoring()


class Matching(Content):
    type: Literal[QT.MATCHING]
    body: MatchingBody
    key: MatchingKey
    scoring: PartsScoring = PartsScoring()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        known(self.key.pairs, self.body.left, "left part")
        known(self.key.pairs.values(), self.body.right, "right part")
        if len(self.key.pairs) != len(self.body.left):
            raise ValueError("every left part needs its pair")
        return self


class Ordering(Content):
    type: Literal[QT.ORDERING]
    body: OrderingBody
    key: OrderingKey
    scoring: OrderingScoring = OrderingScoring()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if sorted(self.key.order) != sorted(item.id for item in self.body.items):
            raise ValueError("order must name every item once")
        return self


class Cloze(Content):
    type: Literal[QT.CLOZE]
    body: ClozeBody
    key: ClozeKey
    scoring: ClozeScoring = ClozeScoring()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        wanted = {"short_text": ShortTextKey, "numeric": NumericKey, "single": SingleKey}
        known(self.key.blanks, self.body.blanks, "blank")
        for blank in self.body.blanks:
            key = self.key.blanks.get(blank.id)
            if not isinstance(key, wanted[blank.type]):
                raise ValueError(f"blank {blank.id!r} needs a key of its type, {blank.type}")
            if isinstance(key, SingleKey):
                known(key.values, blank.options, "option")
        return self


class Essay(Content):
    type: Literal[QT.ESSAY]
    body: EssayBody = EssayBody()
    key: EssayKey = EssayKey()
    scoring: EssayScoring = EssayScoring()


class Spoken(Content):
    type: Literal[QT.SPOKEN]
    body: SpokenBody
    key: SpokenKey = SpokenKey()
    scoring: SpokenScoring = SpokenScoring()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.scoring.rule != "rubric" and self.body.reference_text is None:
            raise ValueError(f"the rule {self.scoring.rule} needs a reference_text")
        return self


class Code(Content):
    type: Literal[QT.CODE]
    body: CodeBody
    key: CodeKey
    scoring: CodeScoring = CodeScoring()


def _tag(value: Any) -> str | None:
    found = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"<{found}>" if isinstance(found, str) else None


def one_of(*types: QuestionType) -> Discriminator:
    """Return what tells types apart; ``<…>`` keeps the type out of the pointers of errors."""
    names = ", ".join(types)
    return Discriminator(
        _tag, custom_error_type="question_type", custom_error_message=f"type must be one of {names}"
    )


AnyChild: TypeAlias = (
    Annotated[Single, Tag("<single>")]
    | Annotated[Multiple, Tag("<multiple>")]
    | Annotated[TrueFalse, Tag("<true_false>")]
    | Annotated[Numeric, Tag("<numeric>")]
    | Annotated[ShortText, Tag("<short_text>")]
    | Annotated[Matching, Tag("<matching>")]
    | Annotated[Ordering, Tag("<ordering>")]
    | Annotated[Cloze, Tag("<cloze>")]
    | Annotated[Essay, Tag("<essay>")]
    | Annotated[Spoken, Tag("<spoken>")]
    | Annotated[Code, Tag("<code>")]
)
AnyPart: TypeAlias = Annotated[AnyChild, one_of(*(each for each in QT if not each.value.endswith("_set")))]
Children: TypeAlias = Annotated[tuple[AnyPart, ...], Field(min_length=1, max_length=MOST_CHILDREN)]


class PassageBody(Part):
    passage: Text
    children: Children

    @model_validator(mode="after")
    def _apart(self) -> Self:
        _named(self.children)
        return self


class ListeningBody(Part):
    """What is heard: a recording, or a ``passage`` that is read out and that no student reads."""

    passage: Text | None = None
    audio_file_id: FileId | None = None
    plays: Annotated[int, Field(ge=1, le=100)] | None = None
    children: Children

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.passage is None and self.audio_file_id is None:
            raise ValueError("name audio_file_id, or write the passage")
        _named(self.children)
        return self


def _named(children: tuple[AnyChild, ...]) -> None:
    """Raise ValueError where two children have the same id. A child without one is called by its number."""
    names = [child_id(number, child) for number, child in enumerate(children, 1)]
    if len(set(names)) != len(names):
        raise ValueError("two children have the same id")


def child_id(number: int, child: AnyChild) -> str:
    """Return what the child at this place (from 1) of its set is called."""
    return child.id or str(number)


class PassageSet(Content):
    """Its mark is shared out among the children by their marks."""

    type: Literal[QT.PASSAGE_SET]
    body: PassageBody
    key: Nothing | None = None
    scoring: SetScoring = SetScoring()


class ListeningSet(Content):
    """Its mark is shared out among the children by their marks."""

    type: Literal[QT.LISTENING_SET]
    body: ListeningBody
    key: Nothing | None = None
    scoring: SetScoring = SetScoring()


AnyContent: TypeAlias = Annotated[
    AnyChild | Annotated[PassageSet, Tag("<passage_set>")] | Annotated[ListeningSet, Tag("<listening_set>")],
    one_of(*QT),
]
KINDS: Final[tuple[type[Content], ...]] = (
    Single,
    Multiple,
    TrueFalse,
    Numeric,
    ShortText,
    Matching,
    Ordering,
    Cloze,
    PassageSet,
    ListeningSet,
    Essay,
    Spoken,
    Code,
)
QuestionSet: TypeAlias = PassageSet | ListeningSet
contents: Final[TypeAdapter[AnyContent]] = TypeAdapter(AnyContent)
