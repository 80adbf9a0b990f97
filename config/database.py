"""How this product talks to MongoDB. Building a client opens nothing; the first command does."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from pymongo import MongoClient, WriteConcern
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference

from config.settings import Settings, on_this_machine


def mongo_client(settings: Settings, listeners: Sequence[Any] = ()) -> MongoClient[dict[str, Any]]:
    """Return a pooled client whose writes survive a crash: majority, journalled, retried once by the driver.

    ``timeoutMS`` bounds every operation as a whole and travels to the server as ``maxTimeMS``. On one machine
    nothing is compressed: that costs both sides a fifth of what a small write takes them.
    """
    here = on_this_machine(urlsplit(settings.mongodb_uri))
    return MongoClient(
        settings.mongodb_uri,
        appname="versant",
        tz_aware=True,
        connect=False,
        maxPoolSize=50,
        minPoolSize=5 if settings.production else 0,
        maxIdleTimeMS=60_000,
        timeoutMS=settings.mongodb_timeout_ms,
        serverSelectionTimeoutMS=settings.mongodb_timeout_ms,
        retryWrites=True,
        w="majority",
        journal=True,
        readConcernLevel="majority",
        compressors=[] if here else ["zstd", "snappy"],
        event_listeners=list(listeners),
    )


def durable() -> dict[str, Any]:
    """Return the options that every transaction states for itself."""
    return {
        "read_concern": ReadConcern("snapshot"),
        "write_concern": WriteConcern(w="majority", j=True),
        "read_preference": ReadPreference.PRIMARY,
    }
