"""Sessions: one login on one device, kept alive by refresh tokens that are used once."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from config.permissions import Role
from services.accounts.access_repository import SessionRepository
from services.accounts.documents import SessionRow, User
from services.ports import TokenRevocations
from utils.documents import new_id
from utils.store import Store

MOST_SESSIONS: Final = 10
LONGEST_AGENT: Final = 200
LONGEST_TOKEN: Final = 200
# Days after which even a session in daily use needs the password again
ABSOLUTE_DAYS: Final[Mapping[Role, int]] = {
    Role.SUPERADMIN: 14,
    Role.SUB_SUPERADMIN: 14,
    Role.CAMPUS_ADMIN: 30,
    Role.COURSE_ADMIN: 30,
    Role.EVALUATOR: 30,
    Role.STUDENT: 90,
}


@dataclass(frozen=True, slots=True)
class Session:
    """A login that holds."""

    id: str
    user_id: str


class Sessions:
    """Begins, renews and ends sessions. A refresh token is ``<session id>.<256 random bits>``.

    Whoever caches what a session stands for hears of every end, once it is committed.
    """

    def __init__(
        self, sessions: SessionRepository, store: Store, revocations: TokenRevocations, idle_days: int
    ) -> None:
        self._sessions, self._store = sessions, store
        self._revocations, self._idle_days = revocations, idle_days

    def begin(self, user: User, user_agent: str) -> tuple[Session, str]:
        """Return a new session and its first refresh token; the oldest beyond ten ends."""
        session, secret = Session(new_id(), user.id), _secret()
        agent = "".join(char for char in user_agent if char.isprintable())[:LONGEST_AGENT]
        days = (self._idle_days, ABSOLUTE_DAYS[user.role])
        self._sessions.add(session.id, user.id, _hash(secret), agent, days)
        self._sessions.revoke_beyond(user.id, MOST_SESSIONS)
        return session, f"{session.id}.{secret}"

    def rotate(self, token: str) -> tuple[Session, str] | None:
        """Return the session and its next refresh token; None unless ``token`` is the current one."""
        session_id, used, secret = *_parts(token), _secret()
        row = self._sessions.rotate(session_id, _hash(used), _hash(secret), self._idle_days)
        return (Session(row.id, row.user_id), f"{row.id}.{secret}") if row else None

    def was_used(self, token: str) -> bool:
        """Tell whether this is a token that was used before."""
        session_id, used = _parts(token)
        return self._sessions.had(session_id, _hash(used))

    def end_family(self, token: str) -> Session | None:
        """End the session of a token that was used before; None when it never was one, or has ended."""
        session_id, used = _parts(token)
        row = self._sessions.revoke_reused(session_id, _hash(used))
        if row is None:
            return None
        self.rights_changed([row.user_id])
        return Session(row.id, row.user_id)

    def end(self, session: Session, why: str) -> None:
        """End one session."""
        self._sessions.revoke(session.id, why)
        self.rights_changed([session.user_id])

    def prove(self, session: Session) -> None:
        """Note that the owner of a session has proved who they are, now."""
        self._sessions.prove(session.id)
        self.rights_changed([session.user_id])

    def of(self, user_id: str) -> Sequence[SessionRow]:
        """Return a person's sessions that hold, newest first."""
        return self._sessions.live_of(user_id)

    def end_own(self, session_id: str, user_id: str, why: str) -> bool:
        """End one session of a person; tell whether it was theirs and held."""
        ended = self._sessions.revoke_own(session_id, user_id, why)
        if ended:
            self.rights_changed([user_id])
        return ended

    def end_all(self, user_ids: Sequence[str], why: str, keep: str | None = None) -> None:
        """End every session of these people, except ``keep``."""
        self._sessions.revoke_all(user_ids, why, keep)
        self.rights_changed(user_ids)

    def remove_all(self, user_ids: Sequence[str]) -> None:
        """Remove every trace of these people's sessions."""
        self._sessions.remove_all(user_ids)
        self.rights_changed(user_ids)

    def rights_changed(self, user_ids: Sequence[str]) -> None:
        """Let nobody go on with what they remember about these people, once the transaction is committed."""
        for user_id in user_ids:
            self._store.after_commit(partial(self._revocations.changed, user_id))


def _parts(token: str) -> tuple[str, str]:
    session_id, _, secret = token[:LONGEST_TOKEN].partition(".")
    return session_id, secret


def _secret() -> str:
    return secrets.token_urlsafe(32)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
