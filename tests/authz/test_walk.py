"""Everybody asks for everything, of every place: what they get follows from the tables alone."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pytest
from flask import Flask

from config.permissions import GRANTS, Role
from models import TENANT_COLLECTIONS
from tests.authz.actors import ACTORS, OF_CAMPUS_AND_PLATFORM
from tests.authz.models import models_within
from tests.authz.operations import EVENTS_NOT_WALKED, ROUTES_NOT_WALKED, Operation, operations
from tests.authz.summary import PROPERTY
from tests.authz.valid_requests import VALID_REQUESTS
from tests.authz.walk import Walk, known, stands
from tests.authz.world import CAMPUSES, Relation, World

pytestmark = [pytest.mark.xdist_group("authz"), pytest.mark.timeout(600)]

TIMES: Final = "\N{MULTIPLICATION SIGN}"
LEAST_RELATIONS: Final = 5
# The kinds of people that have to be there, whatever else is.
KINDS: Final = {
    "evaluator": ["evaluator"],
    "anonymous": ["anonymous"],
    "expired": ["expired token"],
    "revoked": ["logged out"],
    "refresh token as access token": ["refresh token as access token"],
    "suspended": ["deactivated superadmin"],
    "must change the password": ["superadmin who must change the password"],
    "student": ["student, own"],
    "student of the same batch": ["student of the same batch"],
    "student of another batch": ["student of another batch"],
    "student of another course": ["student of another course"],
    "student of another campus": ["student of another campus"],
    "course admin": ["course admin, own", "course admin of another course"],
    "campus admin": ["campus admin, own", "campus admin of another campus"],
    "sub-superadmin without the module": ["sub-superadmin without modules"],
    "sub-superadmin with the module": [
        "sub-superadmin who reads one module",
        "sub-superadmin who writes one module",
    ],
    "superadmin": ["superadmin"],
}
NAMES_ROWS: Final = re.compile(r"(^|_)ids?$")
# India's register of SMS has some; and a part of a question has an ``id`` of its author's.
NOT_OURS: Final = frozenset({"dlt_entity_id", "dlt_template_id", "id"})


def test_everybody_gets_what_the_tables_say_and_nobody_learns_more(
    whole_walk: Walk, walked: Flask, world: World, record_property: Callable[[str, str], None]
) -> None:
    size = (
        f"{len(ACTORS)} actors {TIMES} {len(operations(walked))} operations {TIMES} {len(Relation)} relations"
    )
    unexplained = f"{len(whole_walk.findings)} unexplained"
    record_property(PROPERTY, f"authz walk: {size} = {len(whole_walk.asked):,} cases, {unexplained}")
    for reason, count in left_out(operations(walked), world).items():
        record_property(PROPERTY, f"authz walk leaves out {count}: {reason}")

    assert whole_walk.findings == []


def test_the_walk_asks_everything_of_everybody_exactly_once(
    whole_walk: Walk, walked: Flask, world: World
) -> None:
    wanted = {
        (actor.name, operation.name, slot, relation)
        for operation in operations(walked)
        for slot, kind in {"": None, **known(operation, world)}.items()
        for relation in ([Relation.OWN] if kind is None else set(Relation) - {Relation.OWN})
        if kind is None or stands(kind, relation, world)
        for actor in ACTORS
    }
    asked = [(case.actor.name, case.operation.name, case.slot, case.relation) for case in whole_walk.asked]

    assert len(asked) == len(set(asked))
    assert set(asked) == wanted
    assert len(Relation) >= LEAST_RELATIONS


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


def test_all_kinds_of_people_walk() -> None:
    assert {kind for kind, names in KINDS.items() if not set(names) <= {one.name for one in ACTORS}} == set()
    assert len(KINDS) == 17


def left_out(everything: Sequence[Operation], world: World) -> Mapping[str, str]:
    """Return what the walk does not ask, by the reason why."""
    reasons = {**ROUTES_NOT_WALKED, **EVENTS_NOT_WALKED}
    found = {reason: name for name, reason in reasons.items()}
    nowhere: Counter[str] = Counter()
    for operation in everything:
        for kind in known(operation, world).values():
            for relation in Relation:
                shared = relation is not Relation.PLATFORM or kind.collection in OF_CAMPUS_AND_PLATFORM
                if shared and not stands(kind, relation, world):
                    nowhere[f"there is no {relation} row of {kind}: not every kind lies in a course"] += 1
    return found | {why: f"{count} ids {TIMES} {len(ACTORS)} actors" for why, count in nowhere.items()}


def _forgotten(operation: Operation, world: World) -> set[str]:
    """Return the ids that a request of this operation can carry and that the walk does not vary."""
    spec = operation.spec
    models = [model for model in (spec.body, spec.form, spec.query) if model] if spec else []
    fields = {name for model in models for part in models_within(model) for name in part.model_fields}
    named = {name for name in fields if NAMES_ROWS.search(name)}
    in_path = set(re.findall(r"<(?:\w+:)?(\w*_id)>", operation.rule))
    return (named | in_path) - known(operation, world).keys() - NOT_OURS
