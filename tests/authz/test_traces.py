"""What a campus might learn of another by other ways than ids: taken names, searches, cursors, keys."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import pytest
from flask import Flask

from tests.authz.actors import ACTORS, Actor
from tests.authz.asking import Reply
from tests.authz.leaks import Leaks
from tests.authz.operations import At, Operation, Request, operations
from tests.authz.valid_requests import ALL, PLACE, VALID_REQUESTS
from tests.authz.walk import Walk, known
from tests.authz.world import NOTHINGS, Kind, Relation, Row, World, word

pytestmark = pytest.mark.xdist_group("authz")

Ask = Callable[..., Reply]
ADMIN: Final = next(actor for actor in ACTORS if actor.name == "campus admin, own")
OF_A_COURSE: Final = next(actor for actor in ACTORS if actor.name == "course admin, own")
STRANGER: Final = next(actor for actor in ACTORS if actor.name == "campus admin of another campus")
NOBODY: Final = NOTHINGS[Relation.MISSING]


@pytest.fixture
def ask(walk: Walk, walked: Flask) -> Iterator[Ask]:
    """Call it with an operation and a request: what the admin of campus a gets. All is put back later."""
    named = {operation.name: operation for operation in operations(walked)}

    def answer(name: str, request: Request, actor: Actor = ADMIN, headers: Mapping[str, str] = {}) -> Reply:
        return walk.asking.ask(named[name], actor, request, **headers)

    yield answer
    walk.effects.undo(walk.effects.changed())


def told(reply: Reply, given: str = "") -> tuple[int, str]:
    """Return status and text, without what names this very request."""
    return reply.but(given or NOBODY)[:2]


def student(world: World, relation: Relation) -> Row:
    found = world.target(Kind.STUDENT, relation)
    assert found is not None
    return found


def new_student(world: World, **more: Any) -> Request:
    request = VALID_REQUESTS["student_management.create_student"](At(world))
    return Request(body={**request.body, **more})


@pytest.mark.parametrize("field", ["roll_number", "mobile_number"])
def test_that_a_number_is_taken_is_told_and_not_whose_it_is(ask: Ask, world: World, field: str) -> None:
    theirs, ours = (student(world, one).stored[field] for one in (Relation.FOREIGN, Relation.OWN))

    foreign = ask("student_management.create_student", new_student(world, **{field: theirs}))
    own = ask("student_management.create_student", new_student(world, **{field: ours}))

    assert foreign.status == 409
    assert told(foreign) == told(own)
    assert foreign.json["errors"] == [{"pointer": f"/{field}", "detail": "is already in use"}]


def test_a_roster_tells_that_a_mobile_is_taken_and_not_whose_it_is(ask: Ask, world: World) -> None:
    row = world.target(Kind.IMPORT, Relation.OWN)
    assert row is not None

    rows = ask("student_imports.list_rows", Request({"import_id": row.id}, query=ALL)).json["items"]

    [taken] = [one for one in rows if "already-in-use" in json.dumps(one["errors"])]
    assert word("b", "1") not in json.dumps(taken)


def test_a_roster_s_changes_do_not_name_the_courses_of_others(ask: Ask, world: World) -> None:
    row = world.target(Kind.IMPORT, Relation.OWN)
    assert row is not None
    own, other = world.course_ids["a", "1"], world.course_ids["a", "2"]
    changes = {"course_ids": [[other], [other, own]]}
    changed = {"import_id": row.id, "outcome": "changed"}
    world.db.import_rows.update_one(changed, {"$set": {"changes": changes}})

    shown = ask("student_imports.list_rows", Request({"import_id": row.id}, query=ALL), OF_A_COURSE).text

    assert own in shown
    assert other not in shown


def test_names_and_codes_of_another_campus_are_free(ask: Ask, world: World) -> None:
    theirs = world.target(Kind.COURSE, Relation.FOREIGN)
    assert theirs is not None
    names = {"name": theirs.stored["name"], "code": theirs.stored["code"]}

    made = ask("course_management.create_course", Request(body={**names, "campus_id": world.campus_ids["a"]}))

    assert made.status == 201


def test_a_search_for_what_another_campus_has_finds_what_a_search_for_nothing_finds(
    ask: Ask, world: World
) -> None:
    theirs = student(world, Relation.FOREIGN).stored
    searches = (word("b", "1"), theirs["roll_number"], theirs["mobile_number"], theirs["username"])

    found = {
        told(ask("student_management.list_students", Request(query={**ALL, "search": s}))) for s in searches
    }

    assert found == {told(ask("student_management.list_students", Request(query={"search": "xqnothingqx"})))}
    assert ask("student_management.list_students", Request(query={"search": word("a", "1")})).json["items"]


def test_another_campus_s_cursor_opens_nothing(ask: Ask, world: World, walked: Flask) -> None:
    paged = [name for name, make in VALID_REQUESTS.items() if make(At(world)).lists]
    leaks, tried = Leaks(ADMIN, world), 0

    for name in paged:
        theirs = ask(name, Request(query={"limit": "1"}), STRANGER)
        if theirs.status == 200 and (cursor := theirs.json["next_cursor"]):
            reply = ask(name, Request(query={**ALL, "cursor": cursor}))
            assert list(leaks.within(reply.text, Request())) == []
            tried += 1

    assert tried >= 5


@pytest.mark.parametrize("revision", ['"r1"', '"r999"'])
def test_no_revision_tells_a_foreign_row_from_none(
    ask: Ask, world: World, walked: Flask, revision: str
) -> None:
    revised = [one for one in operations(walked) if one.spec and "revision" in one.spec.hints]
    revised = [one for one in revised if known(one, world)]  # others change nobody's in particular
    replies = {}

    revised = [one for one in revised if ids_of(one, world)]  # a role, say, is nobody's row
    for operation in revised:
        slot = changed_slot(operation, world)
        for relation in (Relation.FOREIGN, Relation.MISSING):
            at = At(world, slot, relation)
            request = VALID_REQUESTS[operation.name](at)
            headers = {"If-Match": revision}
            replies[operation.name, relation] = told(ask(operation.name, request, headers=headers), at.given)

    assert revised
    for operation in revised:
        foreign, missing = (replies[operation.name, one] for one in (Relation.FOREIGN, Relation.MISSING))
        assert foreign == missing


def changed_slot(operation: Operation, world: World) -> str:
    """Return the slot of the row that an operation changes: in its path, or else in its body."""
    known = ids_of(operation, world)
    in_path = [part.strip("<>") for part in operation.rule.split("/") if part.strip("<>") in known]
    return next(iter(in_path or known))


def ids_of(operation: Operation, world: World) -> Sequence[str]:
    """Return the slots of a valid request."""
    at = At(world)
    VALID_REQUESTS[operation.name](at)
    return list(at.known)


def test_one_foreign_student_among_one_s_own_is_one_nobody_among_them(
    ask: Ask, world: World, walk: Walk
) -> None:
    own, foreign = student(world, Relation.OWN).id, student(world, Relation.FOREIGN).id

    def sending(row_id: str) -> tuple[int, str]:
        request = Request(body={"student_ids": [own, row_id], "channels": ["email"]})
        return told(ask("student_management.send_credentials", request), row_id)

    assert sending(foreign) == sending(NOBODY)
    assert walk.effects.changed() == []


def test_of_many_to_be_deleted_a_foreign_one_is_told_of_as_nobody(ask: Ask, world: World, walk: Walk) -> None:
    own, foreign = student(world, Relation.OWN).id, student(world, Relation.FOREIGN).id

    def deleting(row_id: str) -> tuple[int, str]:
        reply = ask("student_management.bulk_delete", Request(body={"ids": [own, row_id]}))
        walk.effects.undo(walk.effects.changed())
        return told(reply, row_id)

    assert deleting(foreign) == deleting(NOBODY)


def test_an_idempotency_key_of_another_campus_opens_no_reply(ask: Ask, world: World) -> None:
    key = {"Idempotency-Key": "one key for both"}
    theirs = Request(body={**PLACE, "campus_id": world.campus_ids["b"]})

    made = ask("course_management.create_course", theirs, STRANGER, key)
    repeated = ask("course_management.create_course", theirs, ADMIN, key)
    unkeyed = ask("course_management.create_course", theirs, ADMIN)

    assert made.status == 201
    assert told(repeated) == told(unkeyed)
    assert repeated.status >= 400
