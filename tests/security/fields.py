"""Every place in a body where a client puts a value, found from the model that reads it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias, get_args

from pydantic import BaseModel, RootModel

Place: TypeAlias = tuple[str | int, ...]


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models of an annotation, whatever it wraps them in."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def texts(model: type[BaseModel], body: Any, at: Place = ()) -> Iterator[Place]:
    """Yield where the fields of a model are, and those of the models in it: of alternatives those that the
    body has, of a list each kind once."""
    for place, inner in objects(model, body, at):
        for name, field in inner.model_fields.items():
            here = (*place, field.alias or name)
            yield here
            if _holds_list(field.annotation):
                yield (*here, 0)


def objects(model: type[BaseModel], body: Any, at: Place = ()) -> Iterator[tuple[Place, type[BaseModel]]]:
    """Yield the objects of a body with their models."""
    if issubclass(model, RootModel):
        yield from _within(model.model_fields["root"].annotation, body, at)
        return
    yield at, model
    for name, field in model.model_fields.items():
        key = field.alias or name
        inner = body.get(key) if isinstance(body, Mapping) else None
        yield from _within(field.annotation, inner, (*at, key))


def _within(annotation: Any, body: Any, at: Place) -> Iterator[tuple[Place, type[BaseModel]]]:
    models = list(models_in(annotation))
    if not models or _is_map(
        annotation
    ):  # what stands under names of the client's says of no kind that it is
        return
    if not _holds_list(annotation):
        yield from objects(_of_kind(models, body), body, at)
        return
    seen: set[type[BaseModel]] = set()
    for number, item in enumerate(body if isinstance(body, list) and body else [None]):
        model = _of_kind(models, item)
        if model not in seen:
            yield from objects(model, item, (*at, number))
        seen.add(model)


def _of_kind(models: Sequence[type[BaseModel]], body: Any) -> type[BaseModel]:
    """Return the alternative that a body is one of, by its ``type``; the first where it does not say."""
    kind = body.get("type") if isinstance(body, Mapping) else None
    named = [one for one in models if "type" in one.model_fields]
    fitting = [one for one in named if kind in get_args(one.model_fields["type"].annotation)]
    return next(iter(fitting), models[0])


def put(body: Any, place: Place, value: Any) -> Any:
    """Return the body with a value in one place, with whatever has to be around it."""
    if not place:
        return value
    first, *rest = place
    if isinstance(first, int):
        items = list(body) if isinstance(body, list) and len(body) > first else [None]
        at = min(first, len(items) - 1)
        return [*items[:at], put(items[at], tuple(rest), value), *items[at + 1 :]]
    known: Mapping[str, Any] = body if isinstance(body, dict) else {}
    return {**known, first: put(known.get(first), tuple(rest), value)}


def _is_map(annotation: Any) -> bool:
    parts = (annotation, *get_args(annotation))
    return any(getattr(part, "__origin__", None) in (dict, Mapping) for part in parts)


def _holds_list(annotation: Any) -> bool:
    origin = getattr(annotation, "__origin__", None)
    if origin in (list, tuple, set, frozenset):
        return True
    return any(_holds_list(part) for part in get_args(annotation))
