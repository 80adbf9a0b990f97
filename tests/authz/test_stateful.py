"""What no single request shows: what is gone stays gone, and what failed was never there."""

import json
from collections.abc import Callable, Iterator, Sequence
from threading import get_ident
from typing import Any, Final

import pytest
from flask import Flask
from pymongo.errors import OperationFailure

from tests.authz.actors import ACTORS, Actor
from tests.authz.asking_about import about, unlike_nobody
from tests.authz.operations import At, Operation, Request, operations
from tests.authz.valid_requests import VALID_REQUESTS
from tests.authz.walk import Walk, known
from tests.authz.world import NOTHINGS, Kind, Relation, World
from utils.store import Rows

pytestmark = pytest.mark.xdist_group("authz")

SUPERADMIN: Final = next(one for one in ACTORS if one.name == "superadmin")
ADMIN: Final = next(one for one in ACTORS if one.name == "campus admin, own")
OWNER: Final = next(one for one in ACTORS if one.name == "student, own")
NOBODY: Final = NOTHINGS[Relation.MISSING]
WRITES: Final = ("insert", "insert_many", "update_one", "update_many", "update_each", "find_and_update")
# What was done and what was sent stays on record for those of the place, whoever and whatever has gone since.
OUTLIVING: Final = ("audit.", "email_messages.list_deliveries", "sms_messages.list_deliveries")
LOGGED: Final = frozenset({"audit"})  # that something was exported
MAKERS: Final = {
    Kind.ADMIN: "admin_management.create_admin",
    Kind.BATCH: "batch_management.create_batch",
    Kind.CAMPUS: "campus_management.create_campus",
    Kind.COURSE: "course_management.create_course",
    Kind.STUDENT: "student_management.create_student",
}


@pytest.fixture
def named(walked: Flask) -> dict[str, Operation]:
    return {operation.name: operation for operation in operations(walked)}


@pytest.fixture(autouse=True)
def all_is_put_back(walk: Walk) -> Iterator[None]:
    yield
    walk.effects.undo(walk.effects.changed())


def slots(everything: dict[str, Operation], world: World) -> list[tuple[Operation, str, Kind]]:
    """Return every id that any request can carry."""
    return [(one, slot, kind) for one in everything.values() for slot, kind in known(one, world).items()]


def removers(everything: dict[str, Operation], world: World) -> list[tuple[Operation, str, Kind]]:
    """Return every operation that removes the row that its path ends with."""
    removing = {name: one for name, one in everything.items() if one.method == "DELETE"}
    return [one for one in slots(removing, world) if one[0].rule.endswith(f"<{one[1]}>")]


# Use after free


def test_what_was_removed_is_nobody_s_wherever_its_id_is_named(
    walk: Walk, named: dict[str, Operation], world: World
) -> None:
    faults: list[str] = []
    tried = 0

    for remover, slot, kind in removers(named, world):
        row_id = removable(walk, named, world, kind)
        for operation, where, what in slots(named, world):
            if what.collection == kind.collection and operation.safe:
                about(walk.asking, world, operation, SUPERADMIN, where, row_id)  # it is in every cache now
        gone = about(walk.asking, world, remover, who_has(world, kind), slot, row_id)
        assert gone.status in (200, 204), (remover.name, gone)
        for operation, where, what in slots(named, world):
            same = (what.collection, what.channel) == (kind.collection, kind.channel)
            if same and not operation.name.startswith(OUTLIVING):
                faults += unlike_nobody(walk.asking, world, operation, SUPERADMIN, where, [row_id])
                tried += 1
        walk.effects.undo(walk.effects.changed())

    assert "\n".join(faults) == ""
    assert tried > 50


def test_who_was_removed_gets_in_nowhere(walk: Walk, named: dict[str, Operation], world: World) -> None:
    student = world.target(Kind.STUDENT, Relation.OWN)
    assert student is not None
    remover = named["student_management.delete_student"]

    about(walk.asking, world, remover, SUPERADMIN, "student_id", student.id)

    inside = [one for one in named.values() if not one.anonymous]
    answers = {
        one.name: walk.asking.ask(one, OWNER, VALID_REQUESTS[one.name](At(world))).status for one in inside
    }
    assert {name for name, status in answers.items() if status != 401} == set()


def who_has(world: World, kind: Kind) -> Actor:
    """Return somebody who may remove such a row: the superadmin, or its owner where it is somebody's own."""
    row = world.target(kind, Relation.OWN)
    assert row is not None
    return next(one for one in reversed(ACTORS) if one.gets_in and one.sees(row, world))


def removable(walk: Walk, named: dict[str, Operation], world: World, kind: Kind) -> str:
    """Return the id of a row that nothing depends on: a new one, where the world's own are all in use."""
    if kind in (Kind.CAMPUS, Kind.COURSE):
        maker = named[MAKERS[kind]]
        return str(walk.asking.ask(maker, SUPERADMIN, VALID_REQUESTS[maker.name](At(world))).json["id"])
    row = world.target(kind, Relation.OWN)
    assert row is not None
    return row.id


# Child under another parent


def test_nothing_is_put_under_a_parent_of_another_place(
    walk: Walk, named: dict[str, Operation], world: World
) -> None:
    faults: list[str] = []
    tried = 0

    for operation in named.values():
        at = At(world)
        request = VALID_REQUESTS[operation.name](at)
        written = {slot.name for slot in at.slots.values() if slot.name not in request.query}
        for child in (slot for slot in at.slots.values() if slot.parent and slot.name in written):
            for relations in ((Relation.OWN, Relation.FOREIGN), (Relation.FOREIGN, Relation.OWN)):
                status = apart(walk, world, operation, child.name, child.parent, relations)
                changed = walk.effects.changed()
                if status < 400 or changed:
                    faults.append(f"{operation.name}: {child.name} and {child.parent} {relations} {status}")
                    walk.effects.undo(changed)
                tried += 1

    assert "\n".join(faults) == ""
    assert tried >= 10


def apart(
    walk: Walk, world: World, operation: Operation, child: str, parent: str, relations: Sequence[Relation]
) -> int:
    """Ask, as somebody who sees both, for a child of one place under a parent of another."""
    kinds = known(operation, world)
    rows = {
        slot: world.target(kinds[slot], one) for slot, one in zip((child, parent), relations, strict=True)
    }

    class Apart(At):
        def __call__(self, name: str, kind: Kind, of: str = "", *, taught: bool = False) -> str:
            row_id = At.__call__(self, name, kind, of, taught=taught)
            row = rows.get(name)
            return row.id if row else row_id

    return walk.asking.ask(operation, SUPERADMIN, VALID_REQUESTS[operation.name](Apart(world))).status


def test_a_list_of_one_place_holds_nothing_of_another(
    walk: Walk, named: dict[str, Operation], world: World
) -> None:
    tried = 0

    for operation in named.values():
        kinds = known(operation, world)
        if VALID_REQUESTS[operation.name](At(world)).lists is None or "campus_id" not in kinds:
            continue
        for slot in kinds.keys() - {"campus_id"}:
            own, foreign = world.target(kinds[slot], Relation.OWN), world.campus_ids["b"]
            assert own is not None
            query = {"limit": "200", "campus_id": foreign, slot: own.id}
            reply = walk.asking.ask(operation, SUPERADMIN, Request(query=query))
            assert (reply.status, reply.json["items"]) == (200, []), (operation.name, slot)
            tried += 1

    assert tried >= 3


# A creation that fails


@pytest.mark.expects_errors
def test_a_creation_that_fails_half_way_was_never_there(
    walk: Walk, named: dict[str, Operation], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    died: dict[str, int] = {}
    left: list[str] = []
    creating = [one for one in named.values() if one.spec and one.spec.creates]

    for operation in creating:
        for number in range(1, 40):
            with monkeypatch.context() as patched:
                failing = fail_after(patched, number)
                reply = walk.asking.ask(operation, SUPERADMIN, VALID_REQUESTS[operation.name](At(world)))
            changed = [name for name in walk.effects.changed() if not name.startswith("/")]
            walk.effects.undo(walk.effects.changed(all_of_it=bool(changed)))
            if not failing():
                break
            died[operation.name] = number
            if changed or reply.status < 500:
                left.append(f"{operation.name}, after write {number}: {reply.status}, {changed} left")

    assert left == []
    assert sum(died.values()) > 2 * len(creating)


def fail_after(patched: pytest.MonkeyPatch, number: int) -> Callable[[], bool]:
    """Let the database fail right after the ``number``th write of this thread; tell whether it has.

    Loops in the background write, too: what they do is not what is tried here.
    """
    count, tried = 0, get_ident()

    def failing(real: Callable[..., Any]) -> Callable[..., Any]:
        def write(*given: Any, **named: Any) -> Any:
            nonlocal count
            found = real(*given, **named)
            if get_ident() != tried:
                return found
            count += 1
            if count == number:
                raise OperationFailure("the disk is full")
            return found

        return write

    for name in WRITES:
        patched.setattr(Rows, name, failing(getattr(Rows, name)))
    return lambda: count >= number


# Ids that are nearly right


def tampered(row_id: str) -> list[str]:
    """Return ids that a careless comparison would take for this one."""
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in row_id)
    return [
        row_id.upper(),
        f" {row_id}",
        f"{row_id} ",
        row_id[:-1],
        f"{row_id}0",
        wide,
        f"{row_id}\u200b",
        "*",
    ]


def test_an_id_that_is_nearly_one_s_own_is_nobody_s(
    walk: Walk, named: dict[str, Operation], world: World
) -> None:
    faults: list[str] = []

    for operation, slot, kind in slots(named, world):
        own = world.target(kind, Relation.OWN)
        assert own is not None
        parts = VALID_REQUESTS[operation.name](At(world)).form or {}  # a form separates ids by blanks, too
        wrong = [one for one in tampered(own.id) if slot not in parts or one.strip() != own.id]
        faults += unlike_nobody(walk.asking, world, operation, SUPERADMIN, slot, wrong)

    assert "\n".join(faults) == ""
    assert set(walk.effects.changed()) <= LOGGED


def test_an_id_that_is_no_text_is_refused(walk: Walk, named: dict[str, Operation], world: World) -> None:
    faults: list[str] = []

    for operation, slot, kind in slots(named, world):
        own = world.target(kind, Relation.OWN)
        request = VALID_REQUESTS[operation.name](At(world, slot))
        if own is None or not isinstance(request.body, dict) or own.id not in json.dumps(request.body):
            continue
        for value in (7, [own.id], {"$eq": own.id}, {"$ne": None}, True, 1.5):
            reply = about(walk.asking, world, operation, SUPERADMIN, slot, value)
            if reply.status not in (400, 422):
                faults.append(f"{operation.name} {slot}={value!r}: {reply.status}")

    assert "\n".join(faults) == ""
    assert walk.effects.changed() == []
