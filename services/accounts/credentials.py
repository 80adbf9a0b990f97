"""Choosing a password: with the old one, or by a one-time link."""

from functools import partial
from typing import Final

from models import Actor
from services.accounts.documents import LinkPurpose, User, UserStatus
from services.accounts.door import Door
from services.accounts.known_devices import Caller
from services.accounts.links import LinkNotValid, OneTimeLinks
from services.accounts.passwords import Passwords
from services.accounts.repository import UserRepository
from services.accounts.sessions import Sessions
from services.accounts.throttle import LoginThrottle
from services.audit.service import AuditService
from services.ports import OrganisationLookup
from utils.problems import Conflict, Invalid, Unauthorized
from utils.scope import Scope
from utils.store import Store

BY_LINK: Final = Scope.unscoped("one-time link")
FIELD: Final = "new_password"
EVENTS: Final = {LinkPurpose.ACTIVATE: "account.activated", LinkPurpose.RESET: "password.reset"}


class PasswordChangedMeanwhile(Conflict):
    """The password or the account was changed while you were changing it. Log in and try again."""

    title = "The account was changed at the same moment"


class PasswordChoice:
    """Hashes a password that somebody chose, if it is one that nobody would guess of them."""

    def __init__(self, passwords: Passwords, places: OrganisationLookup) -> None:
        self._passwords, self._places = passwords, places

    @property
    def shortest(self) -> int:
        """How many characters a new password needs."""
        return self._passwords.shortest

    def require_strong(self, user: User, new: str) -> None:
        """Raise WeakPassword for the field ``new_password`` if it is one that others would guess."""
        campus = self._places.campus_name(user.campus_id) if user.campus_id else None
        mailbox = (user.email or "").partition("@")[0]
        about = [user.name, user.username, user.mobile_number or "", mailbox, campus or ""]
        self._passwords.require_strong(FIELD, new, about)

    def hash(self, user: User, new: str) -> str:
        """Return the hash to store; raise WeakPassword for the field ``new_password``."""
        self.require_strong(user, new)
        return self._passwords.hash(new)


class CredentialService:
    """Sets passwords that their owners have chosen."""

    def __init__(
        self,
        users: UserRepository,
        store: Store,
        door: Door,
        choice: PasswordChoice,
        throttle: LoginThrottle,
        links: OneTimeLinks,
        sessions: Sessions,
        audit: AuditService,
    ) -> None:
        self._users, self._store, self._door, self._choice = users, store, door, choice
        self._throttle, self._links, self._sessions, self._audit = throttle, links, sessions, audit

    def change(self, actor: Actor, current: str, new: str, code: str | None, caller: Caller) -> None:
        """Replace the actor's password and end their other sessions.

        Raises WrongPassword, WrongCode, or, before a code is used up, WeakPassword. Of their known devices
        the one that they use now is left.
        """
        scope = Scope.own(actor.id, actor.campus_id)
        user = self._users.find(scope, actor.id)
        if user is None:
            raise Unauthorized()
        if new == current:
            raise Invalid.field(FIELD, "is the password that you have: choose another one")
        self._choice.require_strong(user, new)
        self._door.prove(user, current, code, caller, field="current_password")
        password_hash, device = self._choice.hash(user, new), self._door.device(user, caller)

        def work() -> None:
            if self._users.set_password(scope, user.id, user.ver, password_hash, device) is None:
                raise PasswordChangedMeanwhile()
            self._end_access(user, "password.changed", keep=actor.session_id)

        self._store.atomically(work)

    def set_by_link(self, purpose: LinkPurpose, token: str, new: str, address: str) -> None:
        """Set the password of the link's owner, end their sessions and use the link up.

        Raises LinkNotValid; WeakPassword leaves the link as it is.
        """
        with self._throttle.guarding(None, address, LinkNotValid):
            user_id = self._links.owner(purpose, token)
        user = self._users.find(BY_LINK, user_id)
        if user is None or user.status is UserStatus.DEACTIVATED:
            raise LinkNotValid()
        password_hash = self._choice.hash(user, new)

        def work() -> None:
            self._links.consume(purpose, token)
            if self._users.set_password(BY_LINK, user.id, user.ver, password_hash) is None:
                raise PasswordChangedMeanwhile()
            self._end_access(user, EVENTS[purpose])
            self._door.unlock(user)
            # Not in here: a class that activates at once would write into one row, and wait for each other
            self._store.after_commit(partial(self._door.welcome, user, address))

        self._store.atomically(work)

    def _end_access(self, user: User, event: str, keep: str | None = None) -> None:
        self._sessions.end_all([user.id], event, keep)
        self._links.end_all([user.id], event)
        self._audit.record(event, actor_id=user.id, campus_id=user.campus_id, target=f"user:{user.id}")
