"""Login, refresh, logout, and who stands behind a session."""

from dataclasses import dataclass
from typing import Final, NoReturn, Protocol

from models import Actor
from services.accounts.documents import User, UserStatus
from services.accounts.door import Door, LoginFailed
from services.accounts.known_devices import Caller, Device
from services.accounts.names import LOGIN
from services.accounts.notices import AccountNotices, Notice
from services.accounts.principals import Principals
from services.accounts.repository import UserRepository
from services.accounts.sessions import Session, Sessions
from services.audit.service import AuditService
from utils.problems import Unauthorized
from utils.scope import Scope
from utils.store import Store

NOBODY: Final = "nobody"


class TokenReused(Unauthorized):
    """This refresh token was used before, so it may have been stolen: its session has been ended. Log in
    again, and let the client refresh once at a time."""

    title = "The refresh token was used before"


class Switches(Protocol):
    """What is switched off for a role, filled by a later area."""

    def of(self, actor: Actor) -> Actor:
        """Return somebody as they are with what is off for their role now."""


@dataclass(frozen=True, slots=True)
class Login:
    """A login that went well."""

    session: Session
    refresh_token: str
    user: User
    device: Device


class AuthenticationService:
    """Opens, renews and ends sessions."""

    def __init__(
        self,
        users: UserRepository,
        store: Store,
        door: Door,
        sessions: Sessions,
        principals: Principals,
        switches: Switches,
        notices: AccountNotices,
        audit: AuditService,
    ) -> None:
        self._users, self._store, self._door = users, store, door
        self._sessions, self._principals = sessions, principals
        self._switches, self._notices, self._audit = switches, notices, audit

    def login(self, username: str, password: str, code: str | None, caller: Caller) -> Login:
        """Return a new session; raise what the door raises.

        The owner is told of a device that is new to the account, but for the very first one.
        """
        user, device = self._entered(username, password, caller, code)

        def begin() -> tuple[Session, str]:
            if not self._users.note_login(LOGIN, user.id, user.ver, device.hash):
                raise LoginFailed(user)  # deactivated, or given another password, since it was read
            begun = self._sessions.begin(user, caller.user_agent)
            self._record("session.begun", user, begun[0])
            if device.new and user.first_login_at is not None:
                self._notices.tell(Notice.NEW_DEVICE, user, f"session:{begun[0].id}", caller)
            return begun

        session, token = self._store.atomically(begin)
        return Login(session, token, user, device)

    def refresh(self, token: str, caller: Caller) -> tuple[Session, str]:
        """Return the session and its next refresh token; raise TokenReused for a used one."""
        rotated = self._sessions.rotate(token)
        if rotated is None:
            self._refuse(token, caller)
        session, _ = rotated
        user = self._users.find(LOGIN, session.user_id)
        if user is None or user.status is not UserStatus.ACTIVE:
            raise Unauthorized()
        return rotated

    def logout(self, actor: Actor) -> None:
        """End the session that the actor is using."""
        session = Session(actor.session_id, actor.id)

        def work() -> None:
            self._sessions.end(session, "logout")
            self._record("session.ended", self.user(actor), session)

        self._store.atomically(work)

    def confirm(self, actor: Actor, password: str, code: str | None, caller: Caller) -> None:
        """Let the session do what is dangerous for a while; raise WrongPassword or WrongCode."""
        self._door.prove(self.user(actor), password, code, caller)
        self._sessions.prove(Session(actor.session_id, actor.id))

    def actor(self, session_id: str, user_id: str, *, anew: bool = False) -> Actor | None:
        """Return who a session stands for now; None when it has ended or the person may not enter.

        ``anew``: whatever is remembered, for those who look again and again.
        """
        actor = self._principals.of(session_id, user_id, anew=anew)
        return self._switches.of(actor) if actor else None

    def has_just_proved(self, actor: Actor) -> bool:
        """Tell whether the actor may do what is dangerous; what was proved to another process counts."""
        if actor.fresh:
            return True
        now = self._principals.of(actor.session_id, actor.id, anew=True)
        return now is not None and now.fresh

    def user(self, actor: Actor) -> User:
        """Return the actor's own account."""
        user = self._users.find(Scope.own(actor.id, actor.campus_id), actor.id)
        if user is None:
            raise Unauthorized()
        return user

    def _entered(self, username: str, password: str, caller: Caller, code: str | None) -> tuple[User, Device]:
        """Return who comes in, and on what; note who does not, for every account and for none alike."""
        try:
            return self._door.enter(username, password, caller, code)
        except LoginFailed as failed:
            account = failed.account
            self._audit.note(
                "login.failed",
                actor_id=NOBODY,
                campus_id=account.campus_id if account else None,
                target=f"user:{account.id}" if account else "user:none",
            )
            raise

    def _record(self, action: str, user: User, session: Session) -> None:
        self._audit.record(action, actor_id=user.id, campus_id=user.campus_id, target=f"session:{session.id}")

    def _refuse(self, token: str, caller: Caller) -> NoReturn:
        """Refuse a token; the first time that a used one comes back, end its session and tell of it."""
        if not self._sessions.was_used(token):
            raise Unauthorized()

        def end() -> None:
            session = self._sessions.end_family(token)
            if session is not None and (user := self._users.find(LOGIN, session.user_id)) is not None:
                self._notices.tell(Notice.TOKEN_REUSED, user, f"session:{session.id}", caller)

        self._store.atomically(end)
        raise TokenReused()
