"""The ``suppressions`` collection."""

from collections.abc import Sequence

from services.notifications.documents import SUPPRESSIONS, Suppression
from services.ports import Channel
from utils.paging import Keyset
from utils.scope import Scope
from utils.store import Row, Store


class SuppressionRepository:
    """Addresses that nothing more is sent to, by campus and channel."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(SUPPRESSIONS)

    def add(self, scope: Scope, suppression: Suppression) -> None:
        """Store a suppression; an address that is suppressed already keeps its first reason."""
        row = suppression.to_mongo()
        key = {name: row.pop(name) for name in ("campus_id", "channel", "address")}
        self._rows.update_one(scope, key, {"$setOnInsert": row}, upsert=True)

    def among(
        self, scope: Scope, campus_id: str | None, channel: Channel, addresses: Sequence[str]
    ) -> dict[str, str]:
        """Return why each of these addresses is suppressed that is."""
        query = {"campus_id": campus_id, "channel": channel, "address": {"$in": list(addresses)}}
        rows = self._rows.find(scope, query, {"address": 1, "reason": 1})
        return {str(row["address"]): str(row["reason"]) for row in rows}

    def list_newest(self, scope: Scope, channel: Channel, keyset: Keyset) -> list[Row]:
        """Return one more row than a page holds."""
        query = {"channel": channel, **keyset.filter}
        return self._rows.find(scope, query, sort=keyset.order, limit=keyset.limit + 1)

    def find(self, scope: Scope, channel: Channel, suppression_id: str) -> Suppression | None:
        """Return a suppression of the scope."""
        row = self._rows.find_one(scope, {"_id": suppression_id, "channel": channel})
        return Suppression.from_mongo(row) if row else None

    def remove(self, scope: Scope, suppression_id: str) -> bool:
        """Remove a suppression; tell whether it was there."""
        return self._rows.delete_one(scope, {"_id": suppression_id})
