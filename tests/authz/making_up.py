"""Arguments that fit a method's declaration, also for what nothing in the world makes anybody call."""

import dataclasses
import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from tests.authz.recording import SCOPE, Call, Method, Recorder
from utils.scope import Scope
from utils.store import Store

PLAIN: Final[Mapping[Any, Any]] = {
    str: "f" * 24,
    int: 1,
    float: 1.0,
    Decimal: Decimal(1),
    bool: False,
    datetime: datetime(2026, 1, 1, tzinfo=UTC),
    Any: "anything",
    type(None): None,
}


def made_up(method: Method, recorder: Recorder, store: Store) -> Call:
    """Return a call with arguments of the right types, on a repository of the right class."""
    hints = get_type_hints(method.stored)
    known = (
        call.given[0] for of, calls in recorder.first.items() if of.owner is method.owner for call in calls
    )
    owner = next(known, None) or method.owner(store)
    named = {
        name: value_of(hints[name])
        for name, parameter in list(inspect.signature(method.stored).parameters.items())[1:]
        if name != SCOPE and parameter.kind is not parameter.VAR_KEYWORD
    }
    everything = Scope("everything")
    return Call((owner,), {**named, SCOPE: everything}, everything)


def value_of(kind: Any) -> Any:
    """Return a value of a type: of a union the first, of an enumeration too, of a collection one of it."""
    if kind in PLAIN:
        return PLAIN[kind]
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return value_of(parts[0])
    if origin is not None:
        return _collection(origin, parts)
    if isinstance(kind, TypeVar):
        return value_of(kind.__bound__ or str)
    if issubclass(kind, Enum):
        return next(iter(kind))
    return _record(kind)


def _collection(origin: Any, parts: tuple[Any, ...]) -> Any:
    if origin is Callable or not inspect.isclass(origin):
        raise TypeError(f"nothing can be made up for {origin}")
    if issubclass(origin, Counter):
        return Counter({value_of(parts[0]): 1})
    if issubclass(origin, Mapping):
        return {value_of(parts[0]): value_of(parts[1])}
    return (
        tuple(value_of(part) for part in parts if part is not ...)
        if origin is tuple
        else [value_of(parts[0])]
    )


def _record(kind: type[Any]) -> Any:
    if issubclass(kind, BaseModel):
        return kind.model_construct(
            **{name: value_of(one.annotation) for name, one in kind.model_fields.items()}
        )
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{one.name: value_of(hints[one.name]) for one in dataclasses.fields(kind)})
    raise TypeError(f"nothing can be made up for {kind}")
