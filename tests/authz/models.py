"""The models that declarations name, and those inside them."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel


def models_within(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models of a type and of all of its fields, each as often as it is there."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_within(field.annotation)
    for part in getattr(annotation, "__args__", ()):
        yield from models_within(part)
