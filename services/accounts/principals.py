"""Who stands behind a session, as the database knows them now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final, Self

from cachetools import TTLCache

from config.permissions import GRANTS, Permission, Role, differing, module_grants
from config.settings import Settings
from models import Actor
from services.accounts.access_repository import LiveSession
from services.accounts.documents import User, UserStatus
from services.accounts.repository import AccountRepositories
from services.ports import JSON, Bus
from utils.clock import Clock
from utils.scope import Scope
from utils.together import Together

REMEMBERED_SECONDS: Final = 0.5
REMEMBERED_PEOPLE: Final = 20_000
CHANGED: Final = "principals.changed"
PRINCIPAL: Final = Scope.unscoped("principal")


@dataclass(frozen=True, slots=True)
class Demands:
    """For how long a proof is fresh, and whose roles ask for a second factor."""

    fresh_seconds: int
    second_factor_of: frozenset[Role] = frozenset()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings demand."""
        return cls(settings.fresh_auth_seconds, frozenset(settings.totp_required_roles))


class Principals:
    """Reads actors, and remembers each for half a second; every process is told of a change at once."""

    def __init__(self, stored: AccountRepositories, clock: Clock, bus: Bus, demands: Demands) -> None:
        self._stored, self._demands = stored, demands
        self._known: TTLCache[str, dict[str, Actor]] = TTLCache(
            REMEMBERED_PEOPLE, REMEMBERED_SECONDS, clock.monotonic
        )
        self._changes, self._lock = 0, Lock()
        self._reads = Together(self._read)
        self._bus = bus
        bus.subscribe(CHANGED, self._forget)

    def of(self, session_id: str, user_id: str, *, anew: bool = False) -> Actor | None:
        """Return the actor; None when the session has ended or the person may not enter.

        ``anew``: as the database says at this moment, whatever is remembered.
        """
        with self._lock:
            known = self._known.get(user_id, {}).get(session_id)
        if known is not None and not anew:
            return known
        return self._reads.make((session_id, user_id))

    def changed(self, user_id: str) -> None:
        """Make every process forget a person; this one has when the call returns."""
        self._bus.publish(CHANGED, {"user_id": user_id})

    def _forget(self, payload: Mapping[str, JSON]) -> None:
        """Forget a person, whatever is being read about them at this moment included."""
        with self._lock:
            self._changes += 1
            self._known.pop(str(payload["user_id"]), None)

    def _read(self, wanted: Sequence[tuple[str, str]]) -> Sequence[Actor | None]:
        """Return the actors of sessions and users, read anew, and remember them."""
        with self._lock:
            before = self._changes
        sessions = self._stored.sessions.live([one for one, _ in wanted], self._demands.fresh_seconds)
        owners = sorted({session.user_id for session in sessions.values()})
        users = {user.id: user for user in self._stored.users.find_many(PRINCIPAL, owners)}
        actors = [self._actor(sessions.get(one), one, users.get(user_id)) for one, user_id in wanted]
        self._remember([actor for actor in actors if actor is not None], before)
        return actors

    def _actor(self, session: LiveSession | None, session_id: str, user: User | None) -> Actor | None:
        if session is None or user is None or session.user_id != user.id:
            return None
        if user.status is not UserStatus.ACTIVE:
            return None
        lacks = user.role in self._demands.second_factor_of and not user.has_second_factor
        return replace(actor_for(user, session_id), fresh=session.fresh, must_set_up_second_factor=lacks)

    def _remember(self, actors: Sequence[Actor], before: int) -> None:
        with self._lock:
            if before == self._changes:
                for actor in actors:
                    self._known.setdefault(actor.id, {})[actor.session_id] = actor


def actor_for(user: User, session_id: str) -> Actor:
    """Return what an account may do."""
    return Actor(
        id=user.id,
        role=user.role,
        name=user.name,
        username=user.username,
        campus_id=user.campus_id,
        course_ids=user.course_ids,
        permissions=permissions_of(user),
        must_change_password=user.must_change_password,
        session_id=session_id,
    )


def permissions_of(user: User) -> frozenset[Permission]:
    """Return what an account may do: what its role or its modules grant, widened and narrowed for itself."""
    usual = module_grants(user.modules) if user.role is Role.SUB_SUPERADMIN else GRANTS[user.role]
    return differing(user.role, usual, user.granted, user.withheld)
