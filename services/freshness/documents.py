"""Which version each tag of the cache has: a random token, replaced with every change."""

from datetime import datetime
from typing import Final

from pymongo import ASCENDING, IndexModel

from utils.documents import Document

CACHE_TAGS: Final = "cache_tags"


class TagVersion(Document):
    """``id`` is the tag. A tag that never changed has no row."""

    token: str
    at: datetime


INDEXES: Final = {CACHE_TAGS: [IndexModel([("at", ASCENDING)], name="at")]}
