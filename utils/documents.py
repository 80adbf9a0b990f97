"""The base of every stored document."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from bson import ObjectId
from pydantic import BaseModel, ConfigDict, Field


def new_id() -> str:
    """Return a new document id: 24 hex digits that grow with time."""
    return str(ObjectId())


def first_id_at(moment: datetime) -> str:
    """Return the id that is not beyond any that was made from this moment on."""
    return str(ObjectId.from_datetime(moment))


class Document(BaseModel):
    """A frozen, typed view of one MongoDB document. ``_id`` is a string."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="ignore")

    id: str = Field(alias="_id", default_factory=new_id)

    def to_mongo(self) -> dict[str, Any]:
        """Return the document to store."""
        return self.model_dump(by_alias=True)

    @classmethod
    def from_mongo(cls, row: Mapping[str, Any]) -> Self:
        """Return the typed document."""
        return cls.model_validate(row)
