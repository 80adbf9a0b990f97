"""The collection ``cache_tags``, by MongoDB's clock."""

from collections.abc import Mapping, Sequence

from services.freshness.documents import CACHE_TAGS
from utils.store import PLATFORM, Row, Store


class TagRepository:
    """Versions of tags. Whoever changes rows renews their tags in the same transaction."""

    def __init__(self, store: Store) -> None:
        self._rows = store.system(CACHE_TAGS)

    def tokens(self, tags: Sequence[str]) -> Mapping[str, str]:
        """Return the versions of those of these tags that ever changed."""
        return _tokens(self._rows.find(PLATFORM, {"_id": {"$in": list(tags)}}))

    def changed_within(self, seconds: float) -> Mapping[str, str]:
        """Return the versions of all tags that changed so lately."""
        since = {"$subtract": ["$$NOW", int(seconds * 1000)]}
        return _tokens(self._rows.find(PLATFORM, {"$expr": {"$gte": ["$at", since]}}))

    def renew(self, tag: str, token: str) -> None:
        """Give a tag another version."""
        row = {"token": token, "at": "$$NOW"}
        self._rows.update_one(PLATFORM, {"_id": tag}, [{"$set": row}], upsert=True)

    def begin(self, tag: str, token: str) -> str:
        """Return the version of a tag; it is ``token`` if it has none yet."""
        row = {"token": {"$ifNull": ["$token", token]}, "at": {"$ifNull": ["$at", "$$NOW"]}}
        found = self._rows.find_and_update(PLATFORM, {"_id": tag}, [{"$set": row}], upsert=True)
        return str(found["token"]) if found else token


def _tokens(rows: Sequence[Row]) -> Mapping[str, str]:
    return {row["_id"]: row["token"] for row in rows}
