"""The ``server_processes`` collection. MongoDB's clock says who lives."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pymongo

from services.processes.documents import LIVING_SECONDS, PROCESSES, Command, ServerProcess
from utils.store import PLATFORM, Store

PATIENCE: Final = 2.0  # a beat that is not written by then is missed
LIVING: Final = {"$expr": {"$gte": ["$beat_at", {"$subtract": ["$$NOW", int(LIVING_SECONDS * 1000)]}]}}


class ProcessRepository:
    """Keeps a row for each process, and hands each its commands."""

    def __init__(self, store: Store) -> None:
        self._processes = store.system(PROCESSES)

    def beat(self, process_id: str, facts: Mapping[str, Any], done: Sequence[str]) -> ServerProcess:
        """Write that a process lives and has ``done`` these commands; return its row as it is now.

        A row that was gone is made anew; what the process knows of itself is all in ``facts``.
        """
        open_commands = {"$ifNull": ["$commands", []]}
        change = {
            **{name: {"$literal": value} for name, value in facts.items()},
            "started_at": {"$ifNull": ["$started_at", "$$NOW"]},
            "beat_at": "$$NOW",
            "commands": {
                "$filter": {
                    "input": open_commands,
                    "cond": {"$not": [{"$in": ["$$this.id", {"$literal": list(done)}]}]},
                }
            },
        }
        with pymongo.timeout(PATIENCE):
            row = self._processes.find_and_update(
                PLATFORM, {"_id": process_id}, [{"$set": change}], upsert=True
            )
        if row is None:
            raise LookupError("an upsert that gave no row")
        return ServerProcess.from_mongo(row)

    def remove(self, process_id: str) -> None:
        """Forget a process that ends."""
        with pymongo.timeout(PATIENCE):
            self._processes.delete_one(PLATFORM, {"_id": process_id})

    def living(self) -> list[ServerProcess]:
        """Return every process that has beaten lately."""
        return [
            ServerProcess.from_mongo(row) for row in self._processes.find(PLATFORM, LIVING, hint="expiry")
        ]

    def tell(self, command: Command, process_id: str | None = None) -> int:
        """Give a command to every living process, or to one; return to how many."""
        asked = LIVING if process_id is None else {"_id": process_id, **LIVING}
        return self._processes.update_many(PLATFORM, asked, {"$push": {"commands": command.model_dump()}})
