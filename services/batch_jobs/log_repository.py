"""Deliveries as people look for them: by recipient, by job, by state, by day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.batch_jobs.documents import DELIVERIES, Delivery, DeliveryState
from services.ports import Channel
from utils.paging import Keyset
from utils.scope import Scope
from utils.store import Row, Store


@dataclass(frozen=True, slots=True)
class Tally:
    """How many deliveries of one day (``YYYY-MM-DD``, UTC) are in one state."""

    day: str
    state: DeliveryState
    count: int


class LogRepository:
    """Reads deliveries of one channel. Each kind of question has an index that answers it in order."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(DELIVERIES)

    def list_deliveries(
        self, scope: Scope, channel: Channel, filters: Mapping[str, str], keyset: Keyset
    ) -> list[Row]:
        """Return one more row than a page holds: by id where a person or a job is named, else by age."""
        query: dict[str, Any] = {"channel": channel, **filters, **keyset.filter}
        if "recipient_id" in filters:
            hint = "recipient"
        elif "job_id" in filters:
            hint = "job_state" if "state" in filters else "job"
        elif scope.campus_id is not None:
            hint = "campus_channel"
        else:
            hint = "channel_state" if "state" in filters else "channel"
        return self._rows.find(scope, query, sort=keyset.order, limit=keyset.limit + 1, hint=hint)

    def find(self, scope: Scope, channel: Channel, delivery_id: str) -> Delivery | None:
        """Return a delivery of the scope."""
        row = self._rows.find_one(scope, {"_id": delivery_id, "channel": channel})
        return Delivery.from_mongo(row) if row else None

    def tallies(self, scope: Scope, channel: Channel, begin: datetime, end: datetime) -> list[Tally]:
        """Return what became of the messages that were made from ``begin`` until before ``end``."""
        query = {"channel": channel, "created_at": {"$gte": begin, "$lt": end}}
        day = {"$dateToString": {"date": "$created_at", "format": "%Y-%m-%d"}}
        group = {"$group": {"_id": {"day": day, "state": "$state"}, "n": {"$sum": 1}}}
        rows = self._rows.aggregate(scope, query, [group])
        return [Tally(row["_id"]["day"], DeliveryState(row["_id"]["state"]), int(row["n"])) for row in rows]
