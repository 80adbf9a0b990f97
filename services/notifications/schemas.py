"""What clients send and see of message templates."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from services.notifications.documents import MessageTemplateVersion
from services.notifications.sms import Encoding
from services.ports import Channel
from utils.paging import PageQuery


def _lines(value: object) -> object:
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else value


CampusId = Annotated[str, Field(min_length=1, max_length=40)]
Subject = Annotated[str, BeforeValidator(_lines), Field(max_length=1_000)]
Text = Annotated[str, BeforeValidator(_lines), Field(max_length=20_000)]
Html = Annotated[str, BeforeValidator(_lines), Field(max_length=100_000)]
SmsText = Annotated[str, BeforeValidator(_lines), Field(max_length=2_000)]
DltId = Annotated[str, Field(pattern=r"^([0-9]{10,25})?$", description="digits, from the DLT platform")]
DltText = Annotated[
    str,
    BeforeValidator(_lines),
    Field(max_length=2_000, description="the text as it was registered, with its {#var#} marks"),
]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]


class Origin(StrEnum):
    """Where the text that holds comes from: the files of this server, the platform, or the campus itself."""

    SHIPPED = "shipped"
    PLATFORM = "platform"
    CAMPUS = "campus"


# --- asked ------------------------------------------------------------------------------------------------


class TemplateQuery(BaseModel):
    """Whose texts: a campus's, or the platform's where none is named; a campus admin's are their campus's."""

    model_config = ConfigDict(extra="forbid")

    campus_id: CampusId | None = None


class VersionQuery(PageQuery):
    """A page of versions, newest first, of a campus's text or of the platform's."""

    campus_id: CampusId | None = None


class OfPlace(BaseModel):
    """A change of a campus's text, or of the platform's where no campus is named."""

    model_config = ConfigDict(extra="forbid")

    campus_id: CampusId | None = None


class EmailTexts(OfPlace):
    """A new version of an email. Without ``html`` it is a plain mail."""

    subject: Subject
    text: Text
    html: Html = ""
    language: Language = "en"


class SmsTexts(OfPlace):
    """A new version of an SMS, with what India's register (DLT) knows of it, all three or none."""

    text: SmsText
    dlt_entity_id: DltId = ""
    dlt_template_id: DltId = ""
    dlt_text: DltText = ""
    language: Language = "en"


class EmailDraft(OfPlace):
    """Parts of an email that are being tried; what is left out is as it holds now."""

    subject: Subject | None = None
    text: Text | None = None
    html: Html | None = None


class SmsDraft(OfPlace):
    """Parts of an SMS that are being tried; what is left out is as it holds now."""

    text: SmsText | None = None
    dlt_entity_id: DltId | None = None
    dlt_template_id: DltId | None = None
    dlt_text: DltText | None = None


Param = Annotated[str, Field(max_length=500)]


class EmailPreview(EmailDraft):
    """``params``: what the placeholders stand for; a sample for each that is left out."""

    params: dict[str, Param] = Field(default_factory=dict, max_length=50)


class SmsPreview(SmsDraft):
    """``params``: what the placeholders stand for; a sample for each that is left out."""

    params: dict[str, Param] = Field(default_factory=dict, max_length=50)


class Revert(OfPlace):
    """``version``: the one to go back to, by default the one before the present; 0: none of your own."""

    version: int | None = Field(None, ge=0, le=10**8)


# --- shown ------------------------------------------------------------------------------------------------


class PlaceholderOut(BaseModel):
    """A name that the texts may print; a ``required`` one stands in each part, outside every condition."""

    name: str
    meaning: str
    sample: str
    required: bool


class TemplateSummary(BaseModel):
    """One template of a channel; ``version`` is 0 for the text that ships with the server."""

    name: str
    description: str
    channel: Channel
    origin: Origin
    version: int
    placeholders: list[PlaceholderOut]


class SmsLength(BaseModel):
    """``characters`` are septets (GSM-7) or 16-bit units (UCS-2)."""

    encoding: Encoding
    characters: int
    segments: int


class TemplateOut(TemplateSummary):
    """The text that holds at a place.

    ``revision`` is that of the place's own text, also where it has none yet: send it as ``If-Match``.
    ``sms`` is its length with the samples; null for an email, and for a text that has to be edited first.
    """

    revision: int
    language: str
    subject: str
    text: str
    html: str
    dlt_entity_id: str
    dlt_template_id: str
    dlt_text: str
    dlt_required: bool
    sms: SmsLength | None
    changed_by: str | None
    changed_at: datetime | None


class FindingOut(BaseModel):
    """What would keep a text from being accepted."""

    pointer: str
    detail: str


class PreviewOut(BaseModel):
    """The message as a recipient would get it; ``findings`` is empty when these texts can be kept."""

    subject: str
    text: str
    html: str
    sms: SmsLength | None
    findings: list[FindingOut]


class VersionOut(BaseModel):
    """One version of a place's own text: who wrote it and when, and whether it is the one that holds."""

    version: int
    current: bool
    language: str
    subject: str
    dlt_template_id: str
    created_by: str
    created_at: datetime

    @classmethod
    def of(cls, stored: MessageTemplateVersion, current: int) -> Self:
        """Show a stored version."""
        fields = stored.model_dump()
        return cls(version=stored.number, current=stored.number == current, **_known(cls, fields))


class VersionTextsOut(VersionOut):
    """A version with its texts."""

    text: str
    html: str
    dlt_entity_id: str
    dlt_text: str


def _known(shown: type[BaseModel], fields: dict[str, object]) -> dict[str, object]:
    return {name: fields[name] for name in shown.model_fields if name in fields}
