"""Cursor pages: a keyset on one indexed, always present field plus the id. Never ``skip``."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from config.constants import PAGE_LIMIT, PAGE_LIMIT_MAX
from utils.problems import Invalid

T = TypeVar("T")
Out = TypeVar("Out")


class PageQuery(BaseModel):
    """What every list takes. ``sort`` is a field's name, with ``-`` in front for descending."""

    model_config = ConfigDict(extra="forbid")

    cursor: str | None = Field(None, max_length=1000)
    limit: int = Field(PAGE_LIMIT, ge=1, le=PAGE_LIMIT_MAX)
    sort: str | None = Field(None, max_length=40)


class PageOf(BaseModel, Generic[T]):
    """One page; ``next_cursor`` is null on the last one."""

    items: list[T]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Keyset:
    """Where a page begins and how it is ordered."""

    sort: str
    field: str
    direction: int
    limit: int
    after: tuple[Any, str] | None

    @classmethod
    def of(cls, query: PageQuery, sorts: Mapping[str, str], default: str) -> "Keyset":
        """Read a client's wish; ``sorts`` maps public names to indexed fields."""
        sort = query.sort or default
        field = sorts.get(sort.removeprefix("-"))
        if field is None:
            raise Invalid.field(
                "sort", f"must be one of {', '.join(sorted(sorts))}, with - in front to reverse"
            )
        after = _decode(query.cursor, sort) if query.cursor else None
        return cls(sort, field, -1 if sort.startswith("-") else 1, query.limit, after)

    @property
    def filter(self) -> dict[str, Any]:
        """The filter of what comes after the cursor."""
        if self.after is None:
            return {}
        value, row_id = self.after
        beyond = "$gt" if self.direction == 1 else "$lt"
        if self.field == "_id":
            return {"_id": {beyond: row_id}}
        inclusive = beyond + "e"  # bounds the index scan; the $or only sorts out equal values
        return {
            self.field: {inclusive: value},
            "$or": [{self.field: {beyond: value}}, {self.field: value, "_id": {beyond: row_id}}],
        }

    @property
    def order(self) -> list[tuple[str, int]]:
        """The order that the index gives."""
        fields = ["_id"] if self.field == "_id" else [self.field, "_id"]
        return [(field, self.direction) for field in fields]

    def page(self, rows: list[dict[str, Any]], show: Callable[[dict[str, Any]], Out]) -> PageOf[Out]:
        """Make a page of up to ``limit + 1`` rows that were read with this filter and order."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        cursor = _encode(self.sort, shown[-1][self.field], str(shown[-1]["_id"])) if more else None
        return PageOf(items=[show(row) for row in shown], next_cursor=cursor)


def _encode(sort: str, value: Any, row_id: str) -> str:
    kind, plain = ("t", value.isoformat()) if isinstance(value, datetime) else ("v", value)
    packed = json.dumps([sort, kind, plain, row_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).rstrip(b"=").decode()


def _decode(cursor: str, sort: str) -> tuple[Any, str]:
    try:
        packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        made_for, kind, value, row_id = json.loads(packed)
        value = datetime.fromisoformat(value) if kind == "t" else value
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise Invalid.field("cursor", "is not a cursor of this list; begin without one") from None
    if made_for != sort or not isinstance(row_id, str) or not isinstance(value, (str, int, float, datetime)):
        raise Invalid.field("cursor", "belongs to another list or order; begin without one")
    return value, row_id
