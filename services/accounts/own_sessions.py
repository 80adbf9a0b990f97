"""One's own sessions: where one is logged in, and ending that from afar."""

from models import Actor
from services.accounts.repository import UserRepository
from services.accounts.schemas import SessionOut
from services.accounts.sessions import Sessions
from services.audit.service import AuditService
from utils.paging import PageOf
from utils.problems import NotFound
from utils.scope import Scope
from utils.store import Store


class SessionNotFound(NotFound):
    """No such session, or it is not yours, or it has ended already. List yours by ``GET /auth/sessions``."""

    title = "No such session"


class OwnSessions:
    """Shows and ends the sessions of whoever asks."""

    def __init__(self, sessions: Sessions, users: UserRepository, audit: AuditService, store: Store) -> None:
        self._sessions, self._users = sessions, users
        self._audit, self._store = audit, store

    def list_mine(self, actor: Actor) -> PageOf[SessionOut]:
        """Return the actor's sessions that hold, newest first; there are never more than one page."""
        rows = self._sessions.of(actor.id)
        return PageOf(items=[SessionOut.of(row, actor.session_id) for row in rows], next_cursor=None)

    def end(self, session_id: str, actor: Actor) -> None:
        """End one of the actor's sessions; raise SessionNotFound."""

        def work() -> None:
            if not self._sessions.end_own(session_id, actor.id, "ended by its owner"):
                raise SessionNotFound()
            self._record("session.ended", f"session:{session_id}", actor)

        self._store.atomically(work)

    def end_all(self, actor: Actor, *, also_this: bool) -> None:
        """End the actor's other sessions, this one if it says so; no device is known any more."""

        def work() -> None:
            keep = None if also_this else actor.session_id
            self._sessions.end_all([actor.id], "ended by their owner", keep)
            self._users.forget_devices(Scope.own(actor.id, actor.campus_id), actor.id)
            self._record("sessions.ended", f"user:{actor.id}", actor, also_this=also_this)

        self._store.atomically(work)

    def _record(self, action: str, target: str, actor: Actor, **detail: bool) -> None:
        self._audit.record(action, actor_id=actor.id, campus_id=actor.campus_id, target=target, **detail)
