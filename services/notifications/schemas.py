"""What clients send and see of message templates."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from services.notifications.catalogue import Placeholder
from services.ports import Channel


class Origin(StrEnum):
    """Where the text that holds comes from: the files of this server, the platform, or the campus itself."""

    SHIPPED = "shipped"
    PLATFORM = "platform"
    CAMPUS = "campus"


class TemplateQuery(BaseModel):
    """Whose texts: a campus's, or the platform's where none is named; a campus admin's are their campus's."""

    model_config = ConfigDict(extra="forbid")

    campus_id: str | None = Field(None, max_length=40)


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


def placeholder_out(placeholder: Placeholder, sample: str) -> PlaceholderOut:
    """Show a declared placeholder."""
    return PlaceholderOut(
        name=placeholder.name, meaning=placeholder.meaning, sample=sample, required=placeholder.required
    )
