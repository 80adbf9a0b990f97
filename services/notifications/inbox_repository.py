"""The ``notifications`` collection: what lies in people's inboxes."""

from collections.abc import Sequence
from itertools import groupby

from services.notifications.documents import NOTIFICATIONS, Notification
from services.notifications.suppression import scope_of_place
from utils.paging import Keyset
from utils.scope import Scope
from utils.store import Row, ScopeRule, Store

UNREAD = {"read_at": None}


class InboxRepository:
    """Notifications. Whoever reads sees their own and nobody else's, whatever their role."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(NOTIFICATIONS, ScopeRule(own="user_id"))

    def put(self, notifications: Sequence[Notification]) -> list[Notification]:
        """Store what is not stored yet, and return it; raise when somebody else is storing the same now."""
        new: list[Notification] = []
        ordered = sorted(notifications, key=lambda one: one.campus_id or "")
        for campus_id, some in groupby(ordered, key=lambda one: one.campus_id):
            new += self._put(scope_of_place(campus_id), list(some))
        return new

    def _put(self, scope: Scope, some: Sequence[Notification]) -> list[Notification]:
        ids = [one.id for one in some]
        known = {row["_id"] for row in self._rows.find(scope, {"_id": {"$in": ids}}, {"_id": 1})}
        new = [one for one in some if one.id not in known]
        self._rows.insert_many(scope, [one.to_mongo() for one in new])
        return new

    def list_newest(self, scope: Scope, *, unread: bool, keyset: Keyset) -> list[Row]:
        """Return one more row than a page holds."""
        query = {**(UNREAD if unread else {}), **keyset.filter}
        return self._rows.find(scope, query, sort=keyset.order, limit=keyset.limit + 1)

    def count_unread(self, scope: Scope, most: int) -> int:
        """Return how many are unread, counting up to ``most``."""
        return self._rows.count(scope, UNREAD, most)

    def read(self, scope: Scope, notification_id: str) -> Notification | None:
        """Mark one as read, if it is not yet, and return it."""
        first = {"read_at": {"$ifNull": ["$read_at", "$$NOW"]}}
        row = self._rows.find_and_update(scope, {"_id": notification_id}, [{"$set": first}])
        return Notification.from_mongo(row) if row else None

    def read_all(self, scope: Scope) -> int:
        """Mark all as read; return how many were not."""
        return self._rows.update_many(scope, UNREAD, [{"$set": {"read_at": "$$NOW"}}])
