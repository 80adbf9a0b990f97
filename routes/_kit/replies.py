"""Replies of heavy reads, kept as bytes: told apart by who may see what, given out while nothing has changed.

Who asks, and whether they may, is found out anew for each request; only then is this asked. The ``ETag`` is
made of the versions of what the reply depends on, so that a client which has it already gets 304, and neither
the view nor the database is troubled.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, Self, cast

from flask import Response, current_app, request
from pydantic import BaseModel

from config.permissions import Permission
from config.settings import Settings
from models import Actor
from services.freshness.area import MEGABYTE
from services.freshness.shelf import digest, key_of, tag
from utils.clock import Clock
from utils.ultra_scalable_cache import MemoryTier, Stamp, Stamps

CACHE_CONTROL: Final = "private, no-cache"  # a browser may keep it, and asks each time whether it still holds


class ReplyCache:
    """Keeps replies in the memory of this process; they depend on the rows of some kinds in a scope."""

    def __init__(self, near: MemoryTier, stamps: Stamps, clock: Clock, seconds: float) -> None:
        self._near, self._stamps, self._clock, self._seconds = near, stamps, clock, seconds
        self.unchanged = 0

    @classmethod
    def over(cls, settings: Settings, stamps: Stamps, clock: Clock) -> Self:
        """Return the cache that the settings describe."""
        near = MemoryTier(settings.response_cache_entries, settings.response_cache_megabytes * MEGABYTE)
        return cls(near, stamps, clock, settings.response_cache_seconds)

    def reply(
        self, kinds: Sequence[str], actor: Actor, query: BaseModel | None, make: Callable[[], Response]
    ) -> Response:
        """Return 304, what was replied to this request before, or what ``make`` replies now."""
        who = key_of(actor.scope, [request.endpoint, str(actor.role), rights(actor.permissions)])
        stamp = self._stamps.of([tag(kind, actor.scope) for kind in kinds])
        etag = digest(
            "|".join((who, current_app.config["VERSION"], *stamp))
        )  # a URL's: it need not say which
        if request.if_none_match.contains_weak(etag):
            self.unchanged += 1
            return _described(Response(status=304), etag)
        asked = query.model_dump_json() if query is not None else ""
        return _described(self._kept(f"{who}{asked}", stamp, make), etag)

    def shrink(self, share: float) -> int:
        """Give memory back: forget a share of the replies; return how many."""
        return self._near.shrink(share)

    def figures(self) -> Mapping[str, int | float | str]:
        """Return the figures of this process."""
        return {**self._near.figures(), "unchanged": self.unchanged}

    def _kept(self, key: str, stamp: Stamp, make: Callable[[], Response]) -> Response:
        entry, now = self._near.get(key), self._clock.monotonic()
        if entry is not None and entry.stamp == stamp and now < entry.until:
            self._near.hits += 1
            return Response(entry.value, mimetype="application/json")
        self._near.misses += 1
        response = make()
        if response.status_code == 200:
            until = now + self._seconds
            self._near.put(key, response.get_data(), stamp, until, until)
        return response


def _described(response: Response, etag: str) -> Response:
    response.set_etag(etag, weak=True)  # weak: it may leave compressed
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.vary.add("Authorization")
    return response


@lru_cache(maxsize=1000)
def rights(permissions: frozenset[Permission]) -> str:
    """Return a short name for a set of permissions."""
    return digest(",".join(sorted(permissions)))


def current_replies() -> ReplyCache:
    """Return the replies of the running app."""
    return cast(ReplyCache, current_app.extensions["versant"].replies)
