"""The cache and what tells it of changes, put together."""

from dataclasses import dataclass
from typing import Final, Self

from config.settings import Settings
from services.freshness.repository import TagRepository
from services.freshness.versions import TagVersions
from services.ports import Bus
from utils.clock import Clock
from utils.store import Store
from utils.ultra_scalable_cache import MemoryTier, SharedTier, TwoTierCache

MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class FreshnessArea:
    """What the rest may use: the cache, and the versions by which a reply knows whether it still holds."""

    versions: TagVersions
    cache: TwoTierCache

    @classmethod
    def over(
        cls, settings: Settings, store: Store, bus: Bus, clock: Clock, shared: SharedTier | None
    ) -> Self:
        """Return the area on one database; ``shared`` is None where one process is all there is."""
        versions = TagVersions(TagRepository(store), store, bus, clock)
        near = MemoryTier(settings.cache_entries, settings.cache_megabytes * MEGABYTE)
        cache = TwoTierCache(
            near,
            shared,
            versions,
            clock,
            seconds=settings.cache_seconds,
            in_transaction=lambda: store.in_transaction,
        )
        return cls(versions, cache)
