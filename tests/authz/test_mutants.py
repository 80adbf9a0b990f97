"""The walk is tried by faults that no declaration leads to; the others: test_generated_mutants."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import jwt
import pytest
from flask import Flask

from config.permissions import Role
from routes._kit import replies, tokens
from routes._kit.services import services
from routes.live import WATCHABLE
from services.accounts import principals
from services.accounts.access_repository import LiveSession, SessionRepository
from services.freshness import shelf
from services.students.repository import StudentRepository
from tests.authz.actors import ACTORS, Actor
from tests.authz.leaks import Leaks
from tests.authz.operations import Request, operations
from tests.authz.walk import Walk
from tests.authz.world import Kind, Relation, World
from utils.problems import Forbidden
from utils.scope import Scope

pytestmark = pytest.mark.xdist_group("authz")

Finds = Callable[..., list[str]]
SOME: Final = frozenset(
    {
        "logged out",
        "token of a wrong key",
        "evaluator",
        "course admin, own",
        "campus admin, own",
        "campus admin of another campus",
        "sub-superadmin who reads one module",
    }
)


@pytest.fixture
def finds(walk: Walk, walked: Flask) -> Finds:
    """Call it with operations: what a walk of a few people through these finds, as the app is now."""

    def through(*names: str) -> list[str]:
        chosen = [operation for operation in operations(walked) if operation.name in names]
        assert len(chosen) == len(names)
        few = [one for one in ACTORS if one.name in SOME]
        return Walk(walk.world, walk.asking, walk.effects).through(few, chosen).findings

    return through


@pytest.fixture(autouse=True)
def nothing_is_cached(walked: Flask) -> Iterator[None]:
    """No fault hides behind what was replied before it, and no reply with the fault outlives it."""
    runtime = walked.extensions["versant"]

    def forget() -> None:
        runtime.fresh.cache.shrink(1.0)
        runtime.replies.shrink(1.0)
        walked.extensions["verified-tokens"].clear()

    forget()
    yield
    forget()


@pytest.fixture
def nobody_is_remembered() -> Iterator[None]:
    """For faults in who somebody is: the server remembers people for a moment."""
    time.sleep(principals.REMEMBERED_SECONDS)
    yield
    time.sleep(principals.REMEMBERED_SECONDS)


def everywhere(scope: Scope) -> Scope:
    return Scope(scope.label)


@pytest.mark.parametrize(
    ("where", "operation"),
    [(shelf, "batch_management.get_batch"), (replies, "course_management.list_courses")],
)
def test_a_cache_that_forgets_who_asks_is_found(
    finds: Finds, monkeypatch: pytest.MonkeyPatch, where: Any, operation: str
) -> None:
    monkeypatch.setattr(where, "key_of", lambda scope, parts: json.dumps([parts[0]]))

    assert finds(operation)


@pytest.mark.usefixtures("nobody_is_remembered")
def test_an_ended_session_that_goes_on_is_found(finds: Finds, monkeypatch: pytest.MonkeyPatch) -> None:
    def live(
        self: SessionRepository, session_ids: Sequence[str], _fresh_seconds: int
    ) -> dict[str, LiveSession]:
        rows = self._rows.find(Scope("platform"), {"_id": {"$in": list(session_ids)}})
        return {str(row["_id"]): LiveSession(str(row["user_id"]), fresh=True) for row in rows}

    monkeypatch.setattr(SessionRepository, "live", live)

    assert finds("auth.me")


@pytest.mark.usefixtures("nobody_is_remembered")
def test_a_signature_that_is_not_checked_is_found(finds: Finds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        tokens, "_signed", lambda token: jwt.decode(token, options={"verify_signature": False})
    )

    assert finds("auth.me")


def test_a_refusal_that_tells_foreign_from_missing_is_found(
    finds: Finds, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = StudentRepository.find

    def find(self: StudentRepository, scope: Scope, student_id: str) -> Any:
        found = real(self, scope, student_id)
        if found is None and real(self, everywhere(scope), student_id):
            raise Forbidden()
        return found

    monkeypatch.setattr(StudentRepository, "find", find)

    assert finds("student_management.get_student")


def test_a_look_that_writes_is_found(finds: Finds, monkeypatch: pytest.MonkeyPatch) -> None:
    real = StudentRepository.find

    def find(self: StudentRepository, scope: Scope, student_id: str) -> Any:
        self._rows.update_one(everywhere(scope), {"_id": student_id}, {"$inc": {"looked_at": 1}})
        return real(self, scope, student_id)

    monkeypatch.setattr(StudentRepository, "find", find)

    assert finds("student_management.get_student")


def test_a_deed_that_reaches_further_than_its_doer_is_found(
    finds: Finds, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remove_many(self: StudentRepository, scope: Scope, student_ids: Sequence[str]) -> None:
        self._rows.delete_many(everywhere(scope), {"_id": {"$gte": min(student_ids)}})

    monkeypatch.setattr(StudentRepository, "remove_many", remove_many)

    assert finds("student_management.delete_student")


def test_a_room_that_is_opened_without_looking_is_found(
    finds: Finds, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(import_id: str, actor: Any) -> Any:
        return services().imports.get(import_id, replace(actor, role=Role.SUPERADMIN))

    monkeypatch.setitem(WATCHABLE, "import_id", replace(WATCHABLE["import_id"], read=read))

    assert finds("watch.import_id")


def test_the_few_who_try_the_walk_find_nothing_in_the_app_as_it_is(finds: Finds) -> None:
    assert (
        finds(
            "student_management.list_students", "watch.import_id", "auth.me", "admin_management.list_admins"
        )
        == []
    )


@pytest.mark.parametrize("spot", ["word", "id", "secret"])
def test_a_reply_is_searched_for_words_ids_and_secrets_of_others(world: World, walk: Walk, spot: str) -> None:
    theirs = world.target(Kind.STUDENT, Relation.FOREIGN)
    assert theirs is not None
    found = {"word": theirs.stored["name"].upper(), "id": theirs.id, "secret": min(world.secrets)}
    reply = json.dumps({"detail": f"No: {found[spot]}!"})

    assert len(list(Leaks(actor("campus admin, own"), world).within(reply, Request()))) == 1
    assert list(Leaks(actor("superadmin"), world).within(reply, Request())) == [] or spot == "secret"


def actor(name: str) -> Actor:
    return next(one for one in ACTORS if one.name == name)
