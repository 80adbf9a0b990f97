"""What bodies carry: names that another campus has too, and lists in which one id is not one's own."""

import json
from collections.abc import Iterator
from typing import Final

import pytest
from flask import Flask

from tests.authz.actors import ACTORS
from tests.authz.asking import Reply
from tests.authz.leaks import WORD, Leaks
from tests.authz.operations import At, Operation, Request, operations
from tests.authz.valid_requests import VALID_REQUESTS
from tests.authz.walk import Walk, known
from tests.authz.world import NOTHINGS, Kind, Relation, World

pytestmark = pytest.mark.xdist_group("authz")

ADMIN: Final = next(one for one in ACTORS if one.name == "campus admin, own")
NOBODY: Final = NOTHINGS[Relation.MISSING]
MAKERS: Final = {
    "admin_management.create_admin": Kind.ADMIN,
    "batch_management.create_batch": Kind.BATCH,
    "course_management.create_course": Kind.COURSE,
    "student_management.create_student": Kind.STUDENT,
}


@pytest.fixture
def named(walked: Flask) -> dict[str, Operation]:
    return {operation.name: operation for operation in operations(walked)}


@pytest.fixture(autouse=True)
def all_is_put_back(walk: Walk) -> Iterator[None]:
    yield
    walk.effects.undo(walk.effects.changed())


def asked(walk: Walk, operation: Operation, request: Request, given: str = NOBODY) -> tuple[int, str]:
    """Return what the admin of campus a gets; all is put back."""
    reply = walk.asking.ask(operation, ADMIN, request)
    walk.effects.undo(walk.effects.changed())
    assert list(Leaks(ADMIN, walk.world).within(reply.text, request)) == []
    return settled(reply, given)


def settled(reply: Reply, given: str) -> tuple[int, str]:
    """Return status and problem; of what was made, that it was."""
    return (reply.status, "") if reply.status < 300 else reply.but(given)[:2]


@pytest.mark.parametrize("name", MAKERS)
def test_a_name_of_another_campus_is_free_or_taken_like_any_other(
    walk: Walk, named: dict[str, Operation], world: World, name: str
) -> None:
    request = VALID_REQUESTS[name](At(world))
    theirs, ours = (world.target(MAKERS[name], one) for one in (Relation.FOREIGN, Relation.OWN))
    assert theirs is not None and ours is not None
    shared = [
        field
        for field, value in request.body.items()
        if isinstance(value, str) and isinstance(theirs.stored.get(field), str) and not field.endswith("_id")
    ]

    for field in shared:
        words = frozenset(WORD.findall(f"{theirs.stored[field]} {ours.stored[field]}".lower()))
        free = asked(walk, named[name], request)
        foreign, own = (
            asked(
                walk,
                named[name],
                Request(body={**request.body, field: row.stored[field]}, shows=words),
            )
            for row in (theirs, ours)
        )
        assert foreign in (free, own), f"{field} of another campus: {foreign}, {own}"

    assert shared


def lists(named: dict[str, Operation], world: World) -> Iterator[tuple[Operation, str, Kind]]:
    """Yield every field of a body that is a list of ids."""
    for operation in named.values():
        for slot, kind in known(operation, world).items():
            body = VALID_REQUESTS[operation.name](At(world, slot)).body
            if isinstance(body, dict) and isinstance(body.get(slot), list):
                yield operation, slot, kind


def test_one_foreign_id_among_one_s_own_is_nobody_s_and_nothing_is_written(
    walk: Walk, named: dict[str, Operation], world: World
) -> None:
    faults: list[str] = []
    tried = 0

    for operation, slot, kind in lists(named, world):
        for order in (1, -1):
            foreign, missing = (
                mixed(walk, world, operation, slot, [ids(world, kind), row_id][::order])
                for row_id in (world.targets[kind, Relation.FOREIGN], NOBODY)
            )
            if foreign != missing:
                faults.append(f"{operation.name} {slot}: {foreign} instead of {missing}")
            tried += 1

    assert "\n".join(faults) == ""
    assert tried >= 8


def ids(world: World, kind: Kind) -> str:
    return world.targets[kind, Relation.OWN]


def mixed(
    walk: Walk, world: World, operation: Operation, slot: str, row_ids: list[str]
) -> tuple[int, str, list[str]]:
    """Ask with these ids; return the answer, without the ids, and what it changed."""
    request = VALID_REQUESTS[operation.name](At(world, slot))
    body = {**request.body, slot: row_ids}
    reply = walk.asking.ask(operation, ADMIN, Request(request.path, body=body))
    changed = walk.effects.changed()
    walk.effects.undo(changed)
    text = reply.but("nothing")[1]
    for number, row_id in enumerate(row_ids):
        text = text.replace(row_id, f"<{number}>")
    assert reply.status >= 400 or request.reports, (operation.name, reply)
    assert not changed or request.reports, (operation.name, changed)
    return reply.status, text, changed


def test_a_list_of_ids_holds_texts_and_each_once(
    walk: Walk, named: dict[str, Operation], world: World
) -> None:
    faults: list[str] = []

    for operation, slot, kind in lists(named, world):
        own = ids(world, kind)
        for row_ids in ([own, [own]], [own, None], [{"id": own}], [own, 7], [[own]], {"0": own}, own):
            request = VALID_REQUESTS[operation.name](At(world, slot))
            reply = walk.asking.ask(
                operation, ADMIN, Request(request.path, body={**request.body, slot: row_ids})
            )
            if reply.status not in (400, 422) or walk.effects.changed():
                faults.append(f"{operation.name} {slot}={json.dumps(row_ids)}: {reply.status}")

    assert "\n".join(faults) == ""


def test_an_id_twice_is_that_id_once(walk: Walk, named: dict[str, Operation], world: World) -> None:
    faults: list[str] = []

    for operation, slot, kind in lists(named, world):
        own, request = ids(world, kind), VALID_REQUESTS[operation.name](At(world, slot))
        once, twice = (
            asked(walk, operation, Request(request.path, body={**request.body, slot: row_ids}))[0]
            for row_ids in ([own], [own, own])
        )
        if twice not in (once, 422):
            faults.append(f"{operation.name} {slot}: {twice} instead of {once}")

    assert "\n".join(faults) == ""
