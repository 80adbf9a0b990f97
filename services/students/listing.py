"""How a list of students is read: which index it walks, decided here and not by the planner.

Left to itself the planner sorts in memory wherever a search comes in another order than by name, and tries
a dozen plans for every other list; what it then remembers of a common term is wrong for a rare one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.students.documents import DEACTIVATED, TERMS, StudentStatus, index_name
from services.students.search import Search
from utils.batch_processor import chunked
from utils.paging import Keyset
from utils.problems import Invalid
from utils.scope import Scope
from utils.store import Row

NAME: Final = "name_key"
BY_NAME: Final = ((NAME, 1), ("_id", 1))
SORTS: Final = {"name": NAME, "roll_number": "username", "created_at": "created_at"}
FEW: Final = 1_000
MOST_MERGED: Final = 200  # campuses whose matches MongoDB merges in order without sorting


@dataclass(frozen=True, slots=True)
class StudentFilter:
    """Which students of a scope are wanted. Campus and courses are narrowings of the scope itself.

    ``campus_ids`` are those that a search goes through when the scope names none: terms are kept by campus.
    """

    batch_id: str | None = None
    status: StudentStatus | None = None
    search: Search | None = None
    campus_ids: tuple[str, ...] = ()

    @property
    def query(self) -> Row:
        """The filter."""
        named = {"batch_id": self.batch_id, "status": self.status}
        query: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
        return query | ({"$and": self.search.conditions} if self.search else {})

    @property
    def by_terms(self) -> bool:
        """Whether the search narrows most. A batch holds so few that reading all of them is cheaper."""
        return self.search is not None and self.batch_id is None

    def index(self, scope: Scope, order: str) -> str:
        """Return the index that lists in this order and leaves the fewest to be passed over."""
        if self.batch_id is not None:
            return index_name("campus_id", "batch_id", order)
        if self.status == StudentStatus.DEACTIVATED:
            return index_name(DEACTIVATED, *_campus(scope), order)
        if scope.course_ids is not None:
            return index_name("campus_id", "course_ids", order)
        return index_name(*_campus(scope), order)

    @property
    def term_index(self) -> str:
        """The index that finds by the terms of the search and lists by name."""
        rare = (DEACTIVATED,) if self.status == StudentStatus.DEACTIVATED else ()
        return index_name(*rare, *TERMS)

    def by_campus(self, scope: Scope) -> list[Row]:
        """Return the filters that together hold all campuses of the scope, each of a few."""
        if scope.campus_id is not None:
            return [{}]
        return [{"campus_id": {"$in": list(some)}} for some in chunked(self.campus_ids, MOST_MERGED)]


def beyond(keyset: Keyset) -> Row:
    """Return the filter of what comes after the cursor, without an ``$or`` for the planner to take apart."""
    if keyset.after is None:
        return {}
    value, row_id = keyset.after
    onwards, passed = ("$gte", "$lte") if keyset.direction == 1 else ("$lte", "$gte")
    return {keyset.field: {onwards: value}, "$nor": [{keyset.field: value, "_id": {passed: row_id}}]}


def in_order(rows: Sequence[Row], keyset: Keyset) -> list[Row]:
    """Return what a page needs of ``rows``, all of which were found: those beyond the cursor, in order."""

    def place(row: Row) -> tuple[Any, str]:
        return row[keyset.field], str(row["_id"])

    def is_beyond(row: Row) -> bool:
        after = keyset.after
        return after is None or (place(row) > after if keyset.direction == 1 else place(row) < after)

    try:
        ordered = sorted(filter(is_beyond, rows), key=place, reverse=keyset.direction == -1)
    except TypeError:
        raise Invalid.field("cursor", "is not a cursor of this list; begin without one") from None
    return ordered[: keyset.limit + 1]


def _campus(scope: Scope) -> tuple[str, ...]:
    return ("campus_id",) if scope.campus_id is not None else ()
