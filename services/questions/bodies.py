"""What a question puts before the student, by type. Sets stand beside what they hold (``content``)."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from services.questions.parts import (
    Choice,
    MaybeText,
    Option,
    Part,
    PartId,
    SampleCase,
    Text,
    each_once,
)

Words = Annotated[int, Field(ge=1, le=100_000)]
Options = Annotated[tuple[Option, ...], Field(min_length=2, max_length=50)]
Choices = Annotated[tuple[Choice, ...], Field(min_length=2, max_length=50)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z0-9+#._-]{1,30}$")]


class OptionsBody(Part):
    options: Options

    @model_validator(mode="after")
    def _apart(self) -> Self:
        each_once(self.options, "options")
        return self


class NumericBody(Part):
    unit: Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)] | None = None


class MatchingBody(Part):
    """There may be more right parts than left ones."""

    left: Choices
    right: Choices

    @model_validator(mode="after")
    def _apart(self) -> Self:
        each_once(self.left, "left parts")
        each_once(self.right, "right parts")
        return self


class OrderingBody(Part):
    items: Choices

    @model_validator(mode="after")
    def _apart(self) -> Self:
        each_once(self.items, "items")
        return self


class Blank(Part):
    """A gap in the text. One of type ``single`` has options."""

    id: PartId
    type: Literal["short_text", "numeric", "single"] = "short_text"
    options: Annotated[tuple[Choice, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _has_options(self) -> Self:
        if (self.type == "single") != (len(self.options) > 1):
            raise ValueError("a blank of type single, and no other, has two or more options")
        each_once(self.options, "options")
        return self


class ClozeBody(Part):
    text: Text
    blanks: Annotated[tuple[Blank, ...], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if len({blank.id for blank in self.blanks}) != len(self.blanks):
            raise ValueError("two blanks have the same id")
        return self


class EssayBody(Part):
    min_words: Words | None = None
    max_words: Words | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if (self.min_words or 0) > (self.max_words or 100_000):
            raise ValueError("min_words is more than max_words")
        return self


class SpokenBody(Part):
    """``task``: the reference text is shown to be read (``read_aloud``), or only heard (``repeat``)."""

    prompt: MaybeText = ""
    reference_text: MaybeText | None = None
    max_seconds: Annotated[int, Field(ge=1, le=1_800)]
    task: Literal["read_aloud", "repeat", "answer"] = "read_aloud"


class CodeBody(Part):
    languages: Annotated[tuple[Language, ...], Field(min_length=1, max_length=20)]
    samples: Annotated[tuple[SampleCase, ...], Field(max_length=20)] = ()
