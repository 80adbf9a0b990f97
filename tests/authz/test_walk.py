"""Everybody asks for everything, of every place: what they get follows from the tables alone."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from flask import Flask
from pydantic import BaseModel

from config.permissions import GRANTS, Role
from models import TENANT_COLLECTIONS
from tests.authz.actors import ACTORS
from tests.authz.operations import EVENTS_NOT_WALKED, ROUTES_NOT_WALKED, At, Operation, operations
from tests.authz.summary import PROPERTY
from tests.authz.valid_requests import VALID_REQUESTS
from tests.authz.walk import Walk
from tests.authz.world import CAMPUSES, Relation, World

pytestmark = [pytest.mark.xdist_group("authz"), pytest.mark.timeout(600)]

TIMES: Final = "\N{MULTIPLICATION SIGN}"
NAMES_ROWS: Final = re.compile(r"(^|_)ids?$")
NOT_OURS: Final = frozenset({"dlt_entity_id", "dlt_template_id"})  # of India's register of SMS


def test_everybody_gets_what_the_tables_say_and_nobody_learns_more(
    whole_walk: Walk, walked: Flask, record_property: Callable[[str, str], None]
) -> None:
    size = (
        f"{len(ACTORS)} actors {TIMES} {len(operations(walked))} operations {TIMES} {len(Relation)} relations"
    )
    unexplained = f"{len(whole_walk.findings)} unexplained"
    record_property(PROPERTY, f"authz walk: {size} = {whole_walk.cases:,} cases, {unexplained}")
    record_property(PROPERTY, f"authz walk leaves out: {', '.join((*ROUTES_NOT_WALKED, *EVENTS_NOT_WALKED))}")

    assert whole_walk.findings == []


def test_every_operation_has_a_valid_request(walked: Flask) -> None:
    names = {operation.name for operation in operations(walked)}

    assert sorted(names - VALID_REQUESTS.keys()) == [], "write these in tests/authz/valid_requests.py"
    assert sorted(VALID_REQUESTS.keys() - names) == [], "there is no such operation any more"


def test_every_id_of_every_request_is_varied(walked: Flask, world: World) -> None:
    forgotten = {
        operation.name: ids for operation in operations(walked) if (ids := _forgotten(operation, world))
    }

    assert forgotten == {}


def test_every_role_is_there_and_every_role_with_a_place_is_there_for_both_campuses() -> None:
    roles = {(actor.role, actor.campus) for actor in ACTORS if actor.gets_in}

    assert {role for role, _ in roles} == set(Role)
    assert [role for role, campus in roles if campus and not {(role, one) for one in CAMPUSES} <= roles] == []
    assert {role for role in Role if GRANTS[role]} <= {actor.role for actor in ACTORS}


def test_every_tenant_collection_holds_rows_of_both_campuses(world: World) -> None:
    found = {
        name: {row.campus_id for row in world.rows[name].values()} & set(world.campus_ids.values())
        for name in TENANT_COLLECTIONS
    }

    assert {name for name, campuses in found.items() if len(campuses) != len(CAMPUSES)} == set()


def _forgotten(operation: Operation, world: World) -> set[str]:
    """Return the ids that a request of this operation can carry and that the walk does not vary."""
    at = At(world)
    VALID_REQUESTS[operation.name](at)
    spec = operation.spec
    models = [model for model in (spec.body, spec.form, spec.query) if model] if spec else []
    named = {name for model in models for name in _fields(model) if NAMES_ROWS.search(name)}
    in_path = set(re.findall(r"<(?:\w+:)?(\w*_id)>", operation.rule))
    return (named | in_path) - at.known.keys() - NOT_OURS


def _fields(model: type[BaseModel]) -> Iterator[str]:
    """Yield the names of a model's fields and of those of the models in it."""
    for name, field in model.model_fields.items():
        yield name
        yield from (found for part in _models(field.annotation) for found in _fields(part))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _models(part)
