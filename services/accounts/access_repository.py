"""The collections of access: ``sessions`` and ``one_time_links``, by MongoDB's clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.accounts.documents import (
    ONE_TIME_LINKS,
    SESSIONS,
    LinkPurpose,
    OneTimeLink,
    SessionRow,
)
from utils.store import PLATFORM, Change, Row, Store

DAY_MS: Final = 24 * 3600 * 1000
USED_TOKENS_KEPT: Final = 500
SUPERSEDED: Final = "superseded"
FORGOTTEN: Final = "no longer kept"
FRESH: Final = 0.98  # of its life: a link that has so much of it left is as good as new
NEWEST_FIRST: Final = [("created_at", -1)]
NOT_EXPIRED: Final = {"$expr": {"$gt": ["$expires_at", "$$NOW"]}}


def _in(milliseconds: int) -> Row:
    return {"$add": ["$$NOW", milliseconds]}


@dataclass(frozen=True, slots=True)
class LiveSession:
    """Whose session it is, and whether they have proved not long ago who they are."""

    user_id: str
    fresh: bool


class SessionRepository:
    """Logins. A session's refresh token changes hands by compare-and-set."""

    def __init__(self, store: Store) -> None:
        self._rows = store.system(SESSIONS)

    def add(
        self, session_id: str, user_id: str, refresh_hash: str, user_agent: str, days: tuple[int, int]
    ) -> None:
        """Store a new session that ends after ``days`` (unused, at the latest)."""
        idle, most = days
        row: Row = {
            "user_id": user_id,
            "refresh_hash": refresh_hash,
            "used_hashes": [],
            "created_at": "$$NOW",
            "last_used_at": "$$NOW",
            "proved_at": "$$NOW",
            "expires_at": _in(min(idle, most) * DAY_MS),
            "ends_at": _in(most * DAY_MS),
            "revoked_at": None,
            "revoked_why": None,
            "user_agent": {"$literal": user_agent},
        }
        self._rows.update_one(PLATFORM, {"_id": session_id}, [{"$set": row}], upsert=True)

    def live(self, session_ids: Sequence[str], fresh_seconds: int) -> dict[str, LiveSession]:
        """Return those of these sessions that have not ended; ``fresh``: proved lately who they are."""
        proved = {"$ifNull": ["$proved_at", "$created_at"]}
        shown = {"user_id": 1, "fresh": {"$gt": [proved, _in(-fresh_seconds * 1000)]}}
        wanted = {"_id": {"$in": list(session_ids)}, "revoked_at": None, **NOT_EXPIRED}
        rows = self._rows.find(PLATFORM, wanted, shown)
        return {str(row["_id"]): LiveSession(str(row["user_id"]), bool(row["fresh"])) for row in rows}

    def prove(self, session_id: str) -> None:
        """Note that the owner has proved who they are, now."""
        live = {"_id": session_id, "revoked_at": None}
        self._rows.update_one(PLATFORM, live, [{"$set": {"proved_at": "$$NOW"}}])

    def live_of(self, user_id: str) -> list[SessionRow]:
        """Return a person's sessions that have not ended, newest first."""
        wanted = {"user_id": user_id, "revoked_at": None, **NOT_EXPIRED}
        return [SessionRow.from_mongo(row) for row in self._rows.find(PLATFORM, wanted, sort=NEWEST_FIRST)]

    def rotate(self, session_id: str, old_hash: str, new_hash: str, idle_days: int) -> SessionRow | None:
        """Replace the current refresh token; None when ``old_hash`` is not the current one's."""
        used = {"$slice": [{"$concatArrays": ["$used_hashes", [old_hash]]}, -USED_TOKENS_KEPT]}
        change = {
            "refresh_hash": new_hash,
            "used_hashes": used,
            "last_used_at": "$$NOW",
            "expires_at": {"$min": ["$ends_at", _in(idle_days * DAY_MS)]},
        }
        wanted = {"_id": session_id, "refresh_hash": old_hash, "revoked_at": None, **NOT_EXPIRED}
        row = self._rows.find_and_update(PLATFORM, wanted, [{"$set": change}])
        return SessionRow.from_mongo(row) if row else None

    def had(self, session_id: str, used_hash: str) -> bool:
        """Tell whether a session, ended or not, once had this token."""
        wanted = {"_id": session_id, "used_hashes": used_hash}
        return self._rows.find_one(PLATFORM, wanted, {"_id": 1}) is not None

    def revoke_reused(self, session_id: str, used_hash: str) -> SessionRow | None:
        """End the session that once had this token; None when it never had, or has ended."""
        wanted = {"_id": session_id, "used_hashes": used_hash, "revoked_at": None}
        row = self._rows.find_and_update(PLATFORM, wanted, _revoked("token reused"))
        return SessionRow.from_mongo(row) if row else None

    def revoke(self, session_id: str, why: str) -> None:
        """End one session."""
        self._rows.update_one(PLATFORM, {"_id": session_id}, _revoked(why))

    def revoke_own(self, session_id: str, user_id: str, why: str) -> bool:
        """End one session of a person; tell whether it was theirs and held."""
        wanted = {"_id": session_id, "user_id": user_id, "revoked_at": None, **NOT_EXPIRED}
        return self._rows.update_one(PLATFORM, wanted, _revoked(why))

    def revoke_all(self, user_ids: Sequence[str], why: str, keep: str | None = None) -> None:
        """End every session of these people, except ``keep``."""
        wanted: Row = {"user_id": {"$in": list(user_ids)}, "revoked_at": None}
        if keep is not None:
            wanted["_id"] = {"$ne": keep}
        self._rows.update_many(PLATFORM, wanted, _revoked(why))

    def revoke_beyond(self, user_id: str, most: int) -> None:
        """End the oldest sessions of a person who has more than ``most``."""
        wanted = {"user_id": user_id, "revoked_at": None}
        ids = [row["_id"] for row in self._rows.find(PLATFORM, wanted, {"_id": 1}, sort=NEWEST_FIRST)]
        if len(ids) > most:
            self._rows.update_many(PLATFORM, {"_id": {"$in": ids[most:]}}, _revoked("too many sessions"))

    def remove_all(self, user_ids: Sequence[str]) -> None:
        """Remove every session row of these people."""
        self._rows.delete_many(PLATFORM, {"user_id": {"$in": list(user_ids)}})


def _revoked(why: str) -> Change:
    """Return the update that ends a session; the first end is the one that is kept."""
    ended = {
        "revoked_at": {"$ifNull": ["$revoked_at", "$$NOW"]},
        "revoked_why": {"$ifNull": ["$revoked_why", {"$literal": why}]},
    }
    return [{"$set": ended}]


class LinkRepository:
    """One-time links, by the hash of their token."""

    def __init__(self, store: Store) -> None:
        self._rows = store.system(ONE_TIME_LINKS)

    def add_many(self, links: Sequence[OneTimeLink], seconds: int, from_at: datetime | None = None) -> None:
        """Store new links that end ``seconds`` after now by MongoDB's clock, or after ``from_at``."""
        self._rows.insert_many(PLATFORM, [link.to_mongo() for link in links])
        if from_at is not None:
            return  # they say when they end
        lifetime = [{"$set": {"expires_at": _in(seconds * 1000)}}]
        self._rows.update_many(PLATFORM, {"_id": {"$in": [link.id for link in links]}}, lifetime)

    def prolong(self, link_ids: Sequence[str], seconds: int) -> None:
        """Let links that were not ended live for ``seconds`` from now, unless they do for longer.

        None outlives the moment at which a newer one takes its place.
        """
        stale = {"$expr": {"$lt": ["$expires_at", _in(int(seconds * 1000 * FRESH))]}}
        lives = {"$max": ["$expires_at", _in(seconds * 1000)]}
        wanted = {"_id": {"$in": list(link_ids)}, "ended_at": None, **stale}
        self._rows.update_many(
            PLATFORM, wanted, [{"$set": {"expires_at": {"$min": ["$superseded_at", lives]}}}]
        )

    def ended(self, link_ids: Sequence[str]) -> Mapping[str, str]:
        """Return why, by id, of those of these links that can never be used again."""
        over = {"$and": [{"$gt": ["$superseded_at", None]}, {"$lte": ["$superseded_at", "$$NOW"]}]}
        why = {"$ifNull": ["$ended_why", {"$cond": [over, SUPERSEDED, None]}]}
        rows = self._rows.aggregate(PLATFORM, {"_id": {"$in": list(link_ids)}}, [{"$project": {"why": why}}])
        found = {str(row["_id"]): row["why"] for row in rows}
        fates = {link_id: found.get(link_id, FORGOTTEN) for link_id in link_ids}
        return {link_id: str(fate) for link_id, fate in fates.items() if fate is not None}

    def end_open(self, user_ids: Sequence[str], purposes: Sequence[LinkPurpose], why: str) -> None:
        """End the links that these people could still use."""
        wanted = {"user_id": {"$in": list(user_ids)}, "purpose": {"$in": list(purposes)}, "ended_at": None}
        self._rows.update_many(PLATFORM, wanted, [{"$set": {"ended_at": "$$NOW", "ended_why": why}}])

    def end_open_at(self, user_ids: Sequence[str], purpose: LinkPurpose, at: datetime) -> None:
        """Have the links that these people could still use superseded at a time to come."""
        wanted = {"user_id": {"$in": list(user_ids)}, "purpose": purpose, "ended_at": None}
        earlier = {name: {"$min": [f"${name}", at]} for name in ("superseded_at", "expires_at")}
        self._rows.update_many(PLATFORM, wanted, [{"$set": earlier}])

    def find_open(self, link_id: str, purpose: LinkPurpose) -> OneTimeLink | None:
        """Return a link that can still be used."""
        row = self._rows.find_one(PLATFORM, _open(link_id, purpose))
        return OneTimeLink.from_mongo(row) if row else None

    def consume(self, link_id: str, purpose: LinkPurpose) -> OneTimeLink | None:
        """Use a link up; of two callers one wins."""
        used = [{"$set": {"ended_at": "$$NOW", "ended_why": "used"}}]
        row = self._rows.find_and_update(PLATFORM, _open(link_id, purpose), used)
        return OneTimeLink.from_mongo(row) if row else None

    def remove_all(self, user_ids: Sequence[str]) -> None:
        """Remove every link of these people."""
        self._rows.delete_many(PLATFORM, {"user_id": {"$in": list(user_ids)}})


def _open(link_id: str, purpose: LinkPurpose) -> Row:
    return {"_id": link_id, "purpose": purpose, "ended_at": None, **NOT_EXPIRED}
