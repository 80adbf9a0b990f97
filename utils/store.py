"""The database as repositories see it: rows behind a scope, and one unit of work at a time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar

import pymongo
from pymongo import MongoClient, ReturnDocument, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import PyMongoError

from config.database import durable
from utils.scope import Scope

Row: TypeAlias = dict[str, Any]
Query: TypeAlias = Mapping[str, Any]
Change: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]]
T = TypeVar("T")

IMMUTABLE: Final = frozenset({"_id", "campus_id"})
PING_SECONDS: Final = 1.0
WHOLE_ANSWER: Final = 100_000  # rows of one round trip; left alone, an answer ends after 101


@dataclass(slots=True)
class _Unit:
    session: ClientSession
    before: list[Callable[[], None]] = field(default_factory=list)
    after: list[Callable[[], None]] = field(default_factory=list)


_unit: ContextVar[_Unit | None] = ContextVar("unit_of_work", default=None)


class OutsideScope(Exception):
    """Code tried to write a row that its own scope does not hold: a defect, never a client's fault."""


class DatabaseAway(PyMongoError):
    """The database is known not to answer, so nobody was made to wait for it."""


class Store:
    """One database. Everything inside ``atomically`` is written together or not at all.

    While ``away`` says that it does not answer, every command fails at once instead of holding its thread
    until the driver gives up.
    """

    def __init__(self, client: MongoClient[Row], away: Callable[[], bool] = lambda: False) -> None:
        self._client, self._away = client, away
        self.db: Database[Row] = client.get_default_database()

    def ping(self) -> None:
        """Return once the database has answered; raise PyMongoError when it does not within a second."""
        with pymongo.timeout(PING_SECONDS):
            self.db.command("ping")

    @property
    def name(self) -> str:
        """The database's name."""
        return self.db.name

    def atomically(self, work: Callable[[], T], *, patience: float | None = None) -> T:
        """Run ``work`` in one transaction and return its result; joins the transaction already open here.

        Background work may have the ``patience`` (seconds, all in all) that a waiting user has not.

        ``work`` may run several times (write conflicts), so its only effects are in the database; what has to
        happen once, later, goes through ``after_commit``.
        """
        if _unit.get() is not None:
            return work()
        limit = pymongo.timeout(patience) if patience else nullcontext()
        with limit, self._client.start_session() as session:
            unit = _Unit(session)

            def attempt(_: ClientSession) -> T:
                unit.before.clear()
                unit.after.clear()
                token = _unit.set(unit)
                try:
                    result = work()
                    for call in unit.before:
                        call()
                    return result
                finally:
                    _unit.reset(token)

            result = session.with_transaction(attempt, **durable())
        for call in unit.after:
            call()
        return result

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open here: what is read may then be older than what others see."""
        return _unit.get() is not None

    def before_commit(self, call: Callable[[], None]) -> None:
        """Run ``call`` as the last of the open transaction, or now where there is none."""
        unit = _unit.get()
        if unit is None:
            call()
        else:
            unit.before.append(call)

    def after_commit(self, call: Callable[[], None]) -> None:
        """Run ``call`` once the open transaction is committed, or now where there is none."""
        unit = _unit.get()
        if unit is None:
            call()
        else:
            unit.after.append(call)

    def system(self, name: str) -> "Rows":
        """Return a collection that belongs to the platform, not to a campus."""
        return Rows(self.db[name], ScopeRule(tenant=False), self._away)

    def rows(self, name: str, rule: "ScopeRule | None" = None) -> "Rows":
        """Return a tenant collection."""
        return Rows(self.db[name], rule or ScopeRule(), self._away)


@dataclass(frozen=True, slots=True)
class ScopeRule:
    """How a scope becomes a filter on one collection. A narrowing that has no field here matches nothing.

    A row of several courses lies in the scope of each of them, or with ``every_course`` only in that of all.
    With ``platform_shown`` a campus also reads the rows of the platform; it never writes them.
    """

    campus: str = "campus_id"
    course: str | None = None
    every_course: bool = False
    own: str | None = None
    tenant: bool = True
    platform_shown: bool = False

    def reading(self, scope: Scope) -> Row:
        """Return the filter that every look of this scope carries."""
        narrowed = self.filter(scope)
        if self.platform_shown and scope.campus_id is not None:
            narrowed[self.campus] = {"$in": [scope.campus_id, None]}
        return narrowed

    def filter(self, scope: Scope) -> Row:
        """Return the filter that every change of this scope carries, and every look where both see alike."""
        narrowed: Row = {}
        if not self.tenant:
            return narrowed
        if scope.campus_id is not None:
            narrowed[self.campus] = scope.campus_id
        if scope.course_ids is not None:
            narrowed[self.course or "_id"] = self._courses(scope.course_ids) if self.course else {"$in": []}
        if scope.user_id is not None:
            narrowed[self.own or "_id"] = scope.user_id if self.own else {"$in": []}
        return narrowed

    def _courses(self, own: tuple[str, ...]) -> Row:
        if self.every_course:
            return {"$not": {"$elemMatch": {"$nin": list(own)}}, "$ne": []}
        return {"$in": list(own)}


def by_id(values: Mapping[str, str | int]) -> Row:
    """Return the expression that gives each row its own value: one update for many rows instead of many."""
    position = {"$indexOfArray": [{"$literal": list(values)}, "$_id"]}
    return {"$arrayElemAt": [{"$literal": list(values.values())}, position]}


PLATFORM: Final = Scope("platform")


class Rows:
    """One collection. No method can be called without a scope, and each names it in the command's comment."""

    def __init__(self, collection: Collection[Row], rule: ScopeRule, away: Callable[[], bool]) -> None:
        self._collection, self._rule, self._away = collection, rule, away

    def find_one(self, scope: Scope, query: Query, projection: Query | None = None) -> Row | None:
        """Return one row of the scope, or None."""
        return self._rows.find_one(self._seen(scope, query), projection, **_how(scope))

    def find(
        self,
        scope: Scope,
        query: Query,
        projection: Query | None = None,
        *,
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
        hint: str | None = None,
    ) -> list[Row]:
        """Return the rows of the scope that match; ``limit`` 0 means all, ``hint`` names the index to use."""
        found = self._rows.find(
            self._seen(scope, query),
            projection,
            sort=list(sort) or None,
            limit=limit,
            batch_size=limit,  # all of them in one round trip; left alone, a batch ends after 101
            hint=hint,
            **_how(scope),
        )
        return list(found)

    def count(self, scope: Scope, query: Query, limit: int = 0) -> int:
        """Return how many rows match, counting no further than ``limit`` when it is given."""
        how = _how(scope) | ({"limit": limit} if limit else {})
        return self._rows.count_documents(self._seen(scope, query), **how)

    def aggregate(
        self, scope: Scope, query: Query, pipeline: Sequence[Query], *, hint: str | None = None
    ) -> list[Row]:
        """Return what ``pipeline`` makes of the scope's matching rows; ``hint`` names the index to use."""
        stages = [{"$match": self._seen(scope, query)}, *pipeline]
        how = _how(scope) | ({"hint": hint} if hint else {})
        return list(self._rows.aggregate(stages, batchSize=WHOLE_ANSWER, **how))

    def insert(self, scope: Scope, row: Row) -> None:
        """Store one new row; it must lie inside the scope."""
        self._check(scope, row)
        self._rows.insert_one(row, **_how(scope))

    def insert_many(self, scope: Scope, rows: Sequence[Row]) -> None:
        """Store many new rows, all inside the scope."""
        for row in rows:
            self._check(scope, row)
        if rows:
            self._rows.insert_many(rows, ordered=True, **_how(scope))

    def update_one(self, scope: Scope, query: Query, change: Change, *, upsert: bool = False) -> bool:
        """Change one matching row; tell whether there was one."""
        _refuse_immutable(change)
        done = self._rows.update_one(self._within(scope, query), change, upsert=upsert, **_how(scope))
        return done.matched_count == 1 or done.upserted_id is not None

    def update_many(self, scope: Scope, query: Query, change: Change) -> int:
        """Change every matching row; return how many matched."""
        _refuse_immutable(change)
        return self._rows.update_many(self._within(scope, query), change, **_how(scope)).matched_count

    def update_each(
        self, scope: Scope, changes: Iterable[tuple[Query, Change]], *, upsert: bool = False
    ) -> int:
        """Apply one change per filter in one round trip; return how many rows matched."""
        operations = []
        for query, change in changes:
            _refuse_immutable(change)
            operations.append(UpdateOne(self._within(scope, query), change, upsert=upsert))
        if not operations:
            return 0
        return self._rows.bulk_write(operations, ordered=False, **_how(scope)).matched_count

    def find_and_update(
        self,
        scope: Scope,
        query: Query,
        change: Change,
        *,
        projection: Query | None = None,
        sort: Sequence[tuple[str, int]] = (),
        upsert: bool = False,
    ) -> Row | None:
        """Change one matching row and return it as it is afterwards; None if none matched."""
        _refuse_immutable(change)
        return self._rows.find_one_and_update(
            self._within(scope, query),
            change,
            projection,
            sort=list(sort) or None,
            upsert=upsert,
            return_document=ReturnDocument.AFTER,
            **_how(scope),
        )

    def delete_one(self, scope: Scope, query: Query) -> bool:
        """Remove one matching row; tell whether there was one."""
        return self._rows.delete_one(self._within(scope, query), **_how(scope)).deleted_count == 1

    def delete_many(self, scope: Scope, query: Query) -> int:
        """Remove every matching row; return how many."""
        return self._rows.delete_many(self._within(scope, query), **_how(scope)).deleted_count

    @property
    def _rows(self) -> Collection[Row]:
        if self._away():
            raise DatabaseAway(self._collection.name)
        return self._collection

    def _seen(self, scope: Scope, query: Query) -> Row:
        return _both(self._rule.reading(scope), query)

    def _within(self, scope: Scope, query: Query) -> Row:
        return _both(self._rule.filter(scope), query)

    def _check(self, scope: Scope, row: Row) -> None:
        if (
            self._rule.tenant
            and scope.campus_id is not None
            and row.get(self._rule.campus) != scope.campus_id
        ):
            raise OutsideScope(f"{self._collection.name}: a row of another campus than {scope.label}")


def _both(narrowed: Row, query: Query) -> Row:
    if any(narrowed[name] != query[name] for name in narrowed.keys() & query.keys()):
        return {"$and": [narrowed, dict(query)]}  # only where needed: it has a query plan of its own
    return {**narrowed, **query}


def _how(scope: Scope) -> dict[str, Any]:
    unit = _unit.get()
    return {"comment": scope.label, "session": unit.session if unit else None}


def _refuse_immutable(change: Change) -> None:
    stages = [change] if isinstance(change, Mapping) else change
    for stage in stages:
        for operator, fields in stage.items():
            if operator != "$setOnInsert" and isinstance(fields, Mapping) and IMMUTABLE & fields.keys():
                raise OutsideScope(f"{operator} may not touch {sorted(IMMUTABLE & fields.keys())}")
