"""What clients send and see of files."""

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.files.documents import FileState, StoredFile
from services.files.kinds import ALLOWED, Purpose
from services.ports import FileLink


class FileCreate(BaseModel):
    """A file that is going to be uploaded. ``size`` is its exact number of bytes."""

    model_config = ConfigDict(extra="forbid")

    purpose: Literal[Purpose.QUESTION_MEDIA]
    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f/\\]+$")
    content_type: str = Field(max_length=100)
    size: int = Field(ge=1)
    campus_id: str | None = Field(None, max_length=64)

    @model_validator(mode="after")
    def _is_allowed(self) -> Self:
        refuse_unallowed(self.purpose, self.content_type, self.size)
        return self


def refuse_unallowed(purpose: Purpose, content_type: str, size: int) -> None:
    """Raise ValueError for a type or a size that is not taken for this purpose."""
    allowed = ALLOWED[purpose]
    if content_type not in allowed.content_types:
        raise ValueError(f"content_type must be one of {', '.join(sorted(allowed.content_types))}")
    if size > allowed.most_bytes:
        raise ValueError(f"size must be at most {allowed.most_bytes} bytes")


class FileOut(BaseModel):
    """A file. It can be used when it is ``stored``; a ``refused`` one says why."""

    id: str
    campus_id: str | None
    purpose: Purpose
    name: str
    content_type: str
    size: int
    state: FileState
    reason: str | None
    scanned: bool
    created_by: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, file: StoredFile) -> Self:
        """Show a stored file, without the key under which its bytes lie."""
        return cls.model_validate(file.model_dump(exclude={"key"}), extra="ignore")


class LinkOut(BaseModel):
    """Where to send a request, with these headers, until then. Whoever has the link may use it."""

    method: str
    url: str = Field(repr=False)
    headers: dict[str, str]
    expires_at: datetime

    @classmethod
    def of(cls, link: FileLink) -> Self:
        """Show a link."""
        return cls(method=link.method, url=link.url, headers=dict(link.headers), expires_at=link.expires_at)


class UploadOut(BaseModel):
    """A file that waits for its bytes: send them to ``upload``, then ask for ``…/complete``."""

    file: FileOut
    upload: LinkOut


class ContentQuery(BaseModel):
    """The signature of a link to a file on this server."""

    model_config = ConfigDict(extra="forbid")

    expires: int = Field(ge=0, le=2**40)
    signature: str = Field(max_length=128)
