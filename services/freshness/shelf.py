"""One kind of value in the cache, typed, under keys that are made of the scope it was read in."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from services.ports import JSON, Cache
from utils.scope import Scope

T = TypeVar("T")
ALL: Final = "all"


class Shelf(Generic[T]):
    """Reads one kind of value through the cache.

    The key holds every narrowing of the scope, so nobody can be given what somebody else may see; and the
    shape of the value, so that two versions of this program which run side by side do not share entries.
    """

    def __init__(self, cache: Cache, name: str, kind: Any) -> None:
        self._cache, self._kind = cache, TypeAdapter[T](kind)
        shape = json.dumps(self._kind.json_schema(mode="serialization"), sort_keys=True)
        self._name = f"{name}:{digest(shape)}"

    def read(
        self, scope: Scope, tags: Sequence[str], parts: Sequence[JSON], load: Callable[[], T | None]
    ) -> T | None:
        """Return what ``load`` finds in this scope; ``parts`` tell it from the others of its kind."""
        packed = self._cache.read(f"{self._name}:{key_of(scope, parts)}", tags, lambda: self._packed(load()))
        if packed is None:
            return None
        try:
            return self._kind.validate_json(packed)
        except ValidationError:  # whoever wrote it, it is not what we keep
            return load()

    def _packed(self, value: T | None) -> bytes | None:
        return None if value is None else self._kind.dump_json(value, by_alias=True)


def tag(kind: str, scope: Scope) -> str:
    """Return the tag of all rows of a kind that a scope may hold: a campus's, or those of all campuses."""
    return f"{kind}:{scope.campus_id or ALL}"


def tags_of_change(kind: str, scope: Scope) -> tuple[str, ...]:
    """Return the tags that a change of rows in this scope renews; without a campus those of every campus."""
    return (tag(kind, scope), f"{kind}:{ALL}") if scope.campus_id else (kind,)


def key_of(scope: Scope, parts: Sequence[JSON]) -> str:
    """Return what tells one reading from every other, of this scope and of all others."""
    return digest(json.dumps([scope.campus_id, scope.course_ids, scope.user_id, *parts]))


def digest(text: str) -> str:
    """Return a short name for a text."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
