"""The collection ``feature_switches``."""

from collections.abc import Collection

from config.features import SWITCHABLE
from config.permissions import Role
from services.features.documents import FEATURE_SWITCHES, RoleSwitches
from utils.store import PLATFORM, Store


class SwitchRepository:
    """What is off for each role that anything can be switched off for."""

    def __init__(self, store: Store) -> None:
        self._rows = store.system(FEATURE_SWITCHES)

    def every(self) -> dict[Role, RoleSwitches]:
        """Return the switches of every such role."""
        rows = self._rows.find(PLATFORM, {"_id": {"$in": list(SWITCHABLE)}})
        found = {row["_id"]: RoleSwitches.from_mongo(row) for row in rows}
        return {role: found.get(role, RoleSwitches(id=role)) for role in SWITCHABLE}

    def set(self, role: Role, off: Collection[str]) -> RoleSwitches:
        """Store what is off for a role."""
        revision = {"$add": [{"$ifNull": ["$revision", 0]}, 1]}
        change = {"off": {"$literal": sorted(off)}, "revision": revision, "updated_at": "$$NOW"}
        row = self._rows.find_and_update(PLATFORM, {"_id": role}, [{"$set": change}], upsert=True)
        return RoleSwitches.from_mongo(row or {"_id": role})
