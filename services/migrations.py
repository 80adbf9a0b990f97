"""Numbered steps that bring a database to what the code expects; run at deploy, by one runner at a time."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pymongo.database import Database
from pymongo.errors import CollectionInvalid

from models import INDEXES, TENANT_COLLECTIONS, VALIDATORS
from services.accounts.documents import LINK_KEPT_SECONDS, ONE_TIME_LINKS
from services.audit.documents import AUDIT, BEFORE_CHAINS

logger = logging.getLogger(__name__)

MIGRATIONS: Final = "migrations"
LOCK_SECONDS: Final = 120.0
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
CAMPUS_REQUIRED: Final = {
    "bsonType": "object",
    "required": ["campus_id"],
    "properties": {"campus_id": {"bsonType": ["string", "null"]}},
}


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. It may run twice with the same result."""

    number: int
    name: str
    apply: Callable[[Database[dict[str, Any]]], None]


def _drop_claim_index(db: Database[dict[str, Any]]) -> None:
    """Jobs are claimed in turn since 0.2: the index ``turn`` has taken its place."""
    jobs = db["engine_jobs"]
    if "claim" in jobs.index_information():
        jobs.drop_index("claim")


def _keep_links_longer(db: Database[dict[str, Any]]) -> None:
    """Links are kept as long as messages that carry them may be tried again."""
    if "expiry" in db[ONE_TIME_LINKS].index_information():
        longer = {"name": "expiry", "expireAfterSeconds": LINK_KEPT_SECONDS}
        db.command("collMod", ONE_TIME_LINKS, index=longer)


def _begin_chains(db: Database[dict[str, Any]]) -> None:
    """Audit rows are chained since 0.3: those from before stand outside, and say so."""
    older = {"_id": {"$gte": ""}, "mac": {"$exists": False}, "seq": {"$exists": False}}
    db[AUDIT].update_many(older, {"$set": {"seq": BEFORE_CHAINS}}, comment="everything")
    for name in {"by_campus", "by_action"} & db[AUDIT].index_information().keys():
        db[AUDIT].drop_index(name)


STEPS: Final = (
    Migration(1, "drop the index by which jobs were claimed", _drop_claim_index),
    Migration(2, "keep one-time links as long as their messages may be tried again", _keep_links_longer),
    Migration(3, "let the chains of the audit log begin", _begin_chains),
)


class Migrator:
    """Applies what has not been applied, then brings indexes and validators in line with the declarations."""

    def __init__(self, db: Database[dict[str, Any]], steps: tuple[Migration, ...] = STEPS) -> None:
        self._db, self._steps = db, steps
        self._log = db[MIGRATIONS]

    def run(self) -> list[str]:
        """Return the names of what was done."""
        self._lock()
        try:
            known = {row["_id"] for row in self._log.find({"number": {"$gte": 0}}, hint="_id_")}
            done = [self._apply(step) for step in self._steps if step.number not in known]
            ensure_declared(self._db)
            return done
        finally:
            self._log.update_one({"_id": "lock"}, {"$set": {"until": LONG_AGO}})

    def _apply(self, step: Migration) -> str:
        step.apply(self._db)
        self._log.insert_one(
            {"_id": step.number, "number": step.number, "name": step.name, "at": time.time()}
        )
        logger.info("migration %04d %s applied", step.number, step.name)
        return f"{step.number:04d} {step.name}"

    def _lock(self) -> None:
        until = {"$add": ["$$NOW", int(LOCK_SECONDS * 1000)]}
        free = {"_id": "lock", "$expr": {"$lt": ["$until", "$$NOW"]}}
        self._log.update_one({"_id": "lock"}, {"$setOnInsert": {"until": LONG_AGO}}, upsert=True)
        for _ in range(int(LOCK_SECONDS)):
            if self._log.update_one(free, [{"$set": {"until": until}}]).matched_count:
                return
            time.sleep(1)
        raise TimeoutError("another migration has held the lock for two minutes")


def ensure_declared(db: Database[dict[str, Any]]) -> None:
    """Create collections, validators and indexes as declared beside the documents; what is there stays."""
    existing = set(db.list_collection_names())
    for name in sorted(INDEXES):
        if name not in existing:
            _create(db, name)
        validator = VALIDATORS.get(name) or (CAMPUS_REQUIRED if name in TENANT_COLLECTIONS else {})
        if validator:
            db.command("collMod", name, validator={"$jsonSchema": validator})
        if INDEXES[name]:
            db[name].create_indexes(INDEXES[name])


def _create(db: Database[dict[str, Any]], name: str) -> None:
    try:
        db.create_collection(name)
    except CollectionInvalid:  # another starter was first
        logger.info("collection %s was there already", name)
