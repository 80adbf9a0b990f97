from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.memory import MemoryBus
from main import Runtime
from models import Actor
from services.accounts.access_repository import LiveSession
from services.accounts.documents import User
from services.accounts.principals import Demands, Principals
from services.accounts.repository import AccountRepositories
from tests.people import grown


class Hands:
    """A clock whose hands are moved by the test."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus()


@pytest.fixture
def principals(runtime: Runtime, hands: Hands, bus: MemoryBus) -> Principals:
    return Principals(AccountRepositories.over(runtime.store), hands, bus, Demands(900))


@pytest.fixture
def holder(runtime: Runtime) -> tuple[str, str]:
    """Session and user id of somebody who has logged in."""
    user = grown(runtime, "r1", campus_id="north")
    AccountRepositories.over(runtime.store).sessions.add("s1", user.id, "h", "", (1, 1))
    return "s1", user.id


def deactivate(db: Any, user_id: str) -> None:
    db.users.update_one({"_id": user_id}, {"$set": {"status": "deactivated"}})


def test_what_is_remembered_is_older_than_half_a_second_never(
    principals: Principals, hands: Hands, holder: tuple[str, str], db: Any
) -> None:
    assert isinstance(principals.of(*holder), Actor)
    deactivate(db, holder[1])

    hands.seconds = 0.49
    assert principals.of(*holder) is not None
    hands.seconds = 0.51
    assert principals.of(*holder) is None


def test_a_change_in_this_process_is_seen_at_once(
    principals: Principals, holder: tuple[str, str], db: Any
) -> None:
    principals.of(*holder)
    deactivate(db, holder[1])

    principals.changed(holder[1])

    assert principals.of(*holder) is None


def test_a_change_in_another_process_is_seen_as_soon_as_it_is_heard(
    principals: Principals, runtime: Runtime, bus: MemoryBus, holder: tuple[str, str], db: Any
) -> None:
    elsewhere = Principals(AccountRepositories.over(runtime.store), Hands(), bus, Demands(900))
    principals.of(*holder)
    deactivate(db, holder[1])

    elsewhere.changed(holder[1])

    assert principals.of(*holder) is None


def test_what_changes_while_it_is_read_is_not_remembered(
    runtime: Runtime, holder: tuple[str, str], db: Any
) -> None:
    stored = AccountRepositories.over(runtime.store)

    class Interrupted(Principals):
        def _actor(self, session: LiveSession | None, session_id: str, user: User | None) -> Actor | None:
            deactivate(db, holder[1])
            self.changed(holder[1])
            return super()._actor(session, session_id, user)

    principals = Interrupted(stored, Hands(), MemoryBus(), Demands(900))

    assert principals.of(*holder) is not None
    assert principals.of(*holder) is None


def test_a_session_is_its_owners_only(
    principals: Principals, holder: tuple[str, str], runtime: Runtime
) -> None:
    other = grown(runtime, "r2", campus_id="north")

    assert principals.of(holder[0], other.id) is None
    assert principals.of("s2", holder[1]) is None
