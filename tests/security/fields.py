"""Every place in a body where a client puts a value, found from the model that reads it."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, get_args

from pydantic import BaseModel

Place: TypeAlias = tuple[str | int, ...]


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models of an annotation, whatever it wraps them in."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def texts(model: type[BaseModel], at: Place = ()) -> Iterator[Place]:
    """Yield where the fields of a model are, and those of the models in it, in a list by their first item."""
    for name, field in model.model_fields.items():
        place = (*at, field.alias or name)
        yield place
        if _holds_list(field.annotation):
            yield (*place, 0)
        for inner in models_in(field.annotation):
            yield from texts(inner, (*place, 0) if _holds_list(field.annotation) else place)


def objects(model: type[BaseModel], at: Place = ()) -> Iterator[tuple[Place, type[BaseModel]]]:
    """Yield the objects of a body with their models."""
    yield at, model
    for name, field in model.model_fields.items():
        for inner in models_in(field.annotation):
            place = (*at, field.alias or name)
            yield from objects(inner, (*place, 0) if _holds_list(field.annotation) else place)


def put(body: Any, place: Place, value: Any) -> Any:
    """Return the body with a value in one place, with whatever has to be around it."""
    if not place:
        return value
    first, *rest = place
    if isinstance(first, int):
        inner = body[0] if isinstance(body, list) and body else None
        return [put(inner, tuple(rest), value)]
    known: Mapping[str, Any] = body if isinstance(body, dict) else {}
    return {**known, first: put(known.get(first), tuple(rest), value)}


def _holds_list(annotation: Any) -> bool:
    origin = getattr(annotation, "__origin__", None)
    if origin in (list, tuple, set, frozenset):
        return True
    return any(_holds_list(part) for part in get_args(annotation))
