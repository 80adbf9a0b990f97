"""Which features are off for a role, for the whole platform. A role without a row has all of them."""

from datetime import datetime
from typing import Final

from pymongo import IndexModel

from utils.documents import Document

FEATURE_SWITCHES: Final = "feature_switches"


class RoleSwitches(Document):
    """``id`` is the role."""

    off: tuple[str, ...] = ()
    revision: int = 0
    updated_at: datetime | None = None


INDEXES: Final[dict[str, list[IndexModel]]] = {FEATURE_SWITCHES: []}
