"""The ``channels`` collection: what every process knows about a provider that does not let us send."""

from collections.abc import Mapping
from typing import Any, Final

from services.batch_jobs.documents import CHANNELS, ChannelState
from services.ports import Channel
from utils.store import PLATFORM, Store

PROBE_SECONDS: Final = 60.0
LONGEST_PROBE_SECONDS: Final = 3600.0
SOON_SECONDS: Final = 3600.0  # a refusal so soon after an opening means that the opening was wrong


class ChannelRepository:
    """Channels. Every step is one conditional update, timed by MongoDB's own clock."""

    def __init__(self, store: Store) -> None:
        self._channels = store.system(CHANNELS)

    def all(self) -> Mapping[Channel, ChannelState]:
        """Return the state of each channel that was ever paused."""
        rows = self._channels.find(PLATFORM, {"_id": {"$in": list(Channel)}})
        return {Channel(row["_id"]): ChannelState.from_mongo(row) for row in rows}

    def pause(self, channel: Channel, reason: str, epoch: int) -> bool:
        """Pause a channel that is open and was not opened since ``epoch``; tell whether it was."""
        blank = ChannelState(id=channel).model_dump(exclude={"id"})
        self._channels.update_one(PLATFORM, {"_id": channel}, {"$setOnInsert": blank}, upsert=True)
        soon = {"$lt": [{"$subtract": ["$$NOW", {"$ifNull": ["$opened_at", 0]}]}, int(SOON_SECONDS * 1000)]}
        known = {"$and": [{"$gt": ["$opened_at", None]}, soon]}
        change: list[dict[str, Any]] = [
            {
                "$set": {
                    "paused": True,
                    "reason": {"$literal": reason},
                    "since": "$$NOW",
                    "tries": {"$cond": [known, {"$add": ["$tries", 1]}, 0]},
                }
            },
            {"$set": {"probe_at": _next_probe()}},
        ]
        return self._channels.update_one(PLATFORM, {"_id": channel, "paused": False, "epoch": epoch}, change)

    def open(self, channel: Channel, *, anew: bool) -> bool:
        """Open a paused channel; ``anew`` forgets how often that was wrong. One caller wins."""
        change = {
            "paused": False,
            "reason": "",
            "since": None,
            "probe_at": None,
            "opened_at": "$$NOW",
            "epoch": {"$add": ["$epoch", 1]},
            **({"tries": 0} if anew else {}),
        }
        return self._channels.update_one(PLATFORM, {"_id": channel, "paused": True}, [{"$set": change}])

    def win_probe(self, channel: Channel) -> bool:
        """Win the right to ask the provider whether a paused channel may open again."""
        due = {"_id": channel, "paused": True, "$expr": {"$lte": ["$probe_at", "$$NOW"]}}
        return self._channels.update_one(PLATFORM, due, [{"$set": {"probe_at": _next_probe()}}])


def _next_probe() -> dict[str, Any]:
    """Twice as late after each opening that was wrong."""
    doubled = {"$multiply": [PROBE_SECONDS, {"$pow": [2, {"$min": ["$tries", 10]}]}]}
    seconds = {"$min": [LONGEST_PROBE_SECONDS, doubled]}
    return {"$add": ["$$NOW", {"$toLong": {"$multiply": [1000, seconds]}}]}
