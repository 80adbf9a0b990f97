"""What is handed out about one person."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class PersonExport(BaseModel):
    """Everything that is stored about one person, by collection. Hashes and secrets are left out."""

    person_id: str
    exported_at: datetime
    records: dict[str, list[dict[str, Any]]] = Field(description="rows by collection, as they are stored")
    audit: str = "what the person did, and what was done to them, is in the audit log under this id"
