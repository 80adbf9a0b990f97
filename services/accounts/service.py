"""Accounts, for the areas that own the people: students, admins, imports."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from config.permissions import Role
from services.accounts.documents import LinkPurpose, User, UserStatus
from services.accounts.names import LoginNames, NewAccount
from services.accounts.passwords import Passwords
from services.accounts.repository import AccountRepositories
from services.accounts.sessions import Sessions
from services.accounts.throttle import LoginThrottle
from services.audit.service import AuditService
from utils.clock import Clock
from utils.documents import new_id
from utils.identifiers import username_of
from utils.problems import NotFound, Stale
from utils.scope import Scope
from utils.store import Store
from utils.text import key_of

OPERATOR: Final = "operator"  # whoever sets up the server
RIGHTS: Final = frozenset({"course_ids", "granted", "modules", "withheld"})
FIRST_NAME: Final = "Superadmin"
FIRST: Final = Scope.unscoped("the first superadmin")


class AccountNotFound(NotFound):
    """No such account, or not one of yours."""

    title = "No such account"


class AccountService:
    """Makes, changes and removes accounts. Every method joins the transaction that is open around it.

    A scope narrowed to courses reaches the whole campus here: accounts know no courses, so whoever calls has
    found the person in a collection that does.
    """

    def __init__(
        self,
        stored: AccountRepositories,
        store: Store,
        names: LoginNames,
        passwords: Passwords,
        sessions: Sessions,
        throttle: LoginThrottle,
        audit: AuditService,
        clock: Clock,
    ) -> None:
        self._stored, self._store, self._names = stored, store, names
        self._passwords, self._sessions = passwords, sessions
        self._throttle, self._audit, self._clock = throttle, audit, clock

    def get(self, scope: Scope, user_id: str) -> User:
        """Return an account of the scope; raise AccountNotFound."""
        user = self._stored.users.find(_wide(scope), user_id)
        if user is None:
            raise AccountNotFound()
        return user

    def people(self, scope: Scope, user_ids: Sequence[str]) -> dict[str, User]:
        """Return those of these accounts that lie in the scope, by id."""
        return {user.id: user for user in self._stored.users.find_many(_wide(scope), user_ids)}

    def names(self, scope: Scope, user_ids: Sequence[str]) -> dict[str, str]:
        """Return what those of these people are called who lie in the scope, by id."""
        return {user_id: user.name for user_id, user in self.people(scope, user_ids).items()}

    def taken(self, forms: Sequence[str]) -> dict[str, str]:
        """Return the user ids of those who have these identifiers, in whatever campus."""
        return self._names.owners(forms)

    def create_many(self, scope: Scope, accounts: Sequence[NewAccount]) -> list[User]:
        """Store new accounts without a password, all or none.

        Raises IdentifierTaken, which has ended the transaction: let it through, then look again.
        """
        now = self._clock.now()
        users = [
            User(
                id=account.id,
                username=account.username,
                role=account.role,
                name=account.name,
                name_key=key_of(account.name),
                email=account.email,
                mobile_number=account.mobile_number,
                campus_id=account.campus_id,
                course_ids=account.course_ids,
                modules=dict(account.modules),
                created_at=now,
                updated_at=now,
            )
            for account in accounts
        ]
        return self._store.atomically(lambda: self._add(scope, users))

    def change(
        self, scope: Scope, user_id: str, *, name: str, email: str | None, mobile_number: str | None
    ) -> User:
        """Change who an account belongs to by name and address, and the identifiers with it."""
        return self.update(scope, user_id, {"name": name, "email": email, "mobile_number": mobile_number})

    def update(
        self, scope: Scope, user_id: str, fields: Mapping[str, Any], revision: int | None = None
    ) -> User:
        """Set some fields of an account that is still at ``revision``; raise Stale if it is not.

        A changed address ends open links: they went to the old one. Changed rights hold at once, also
        in sessions that are open.
        """
        named = {"name_key": key_of(fields["name"])} if "name" in fields else {}
        rights = not RIGHTS.isdisjoint(fields)

        def work() -> User:
            old = self.get(scope, user_id)
            new = self._stored.users.change(
                _wide(scope), user_id, {**fields, **named}, rights=rights, revision=revision
            )
            if new is None:
                raise Stale()
            self._names.move(old, new)
            if (old.email, old.mobile_number) != (new.email, new.mobile_number):
                self._stored.links.end_open([user_id], list(LinkPurpose), "address changed")
            self._sessions.rights_changed([user_id])
            return new

        return self._store.atomically(work)

    def set_status(self, scope: Scope, user_id: str, status: UserStatus) -> User:
        """Let somebody in or out. Out ends every session and link; in leaves them to log in anew."""

        def work() -> User:
            user = self._stored.users.set_status(_wide(scope), user_id, status)
            if user is None:
                raise AccountNotFound()
            self._sessions.end_all([user_id], "status changed")
            if user.status is UserStatus.DEACTIVATED:
                self._stored.links.end_open([user_id], list(LinkPurpose), "deactivated")
            return user

        return self._store.atomically(work)

    def unlock(self, user_id: str) -> None:
        """Forget the failed tries of an account, wherever they were made."""
        self._throttle.unlock(LoginNames.key_of(user_id))

    def reset_second_factor(self, scope: Scope, user_id: str) -> bool:
        """Remove somebody's second factor and end their sessions; tell whether there was one."""

        def work() -> bool:
            removed = self._stored.users.remove_factor(_wide(scope), user_id)
            if removed:
                self._sessions.end_all([user_id], "second factor reset")
            return removed

        return self._store.atomically(work)

    def remove_many(self, scope: Scope, user_ids: Sequence[str]) -> None:
        """Remove those of these accounts that lie in the scope, with all that lets them in."""

        def work() -> None:
            ids = self._stored.users.ids_within(_wide(scope), user_ids)
            self._stored.users.remove_many(_wide(scope), ids)
            self._stored.identifiers.remove_all(ids)
            self._stored.links.remove_all(ids)
            self._sessions.remove_all(ids)

        self._store.atomically(work)

    def ensure_superadmin(self, username: str, password: str) -> bool:
        """Make the first superadmin, once; tell whether that was now.

        In production the password has to be strong and is changed at the first login: others have seen it.
        """
        if self._stored.users.exists_with(FIRST, Role.SUPERADMIN):
            return False
        if self._passwords.strict:
            self._passwords.require_strong("superadmin_password", password, [username])
        now = self._clock.now()
        user = User(
            id=new_id(),
            username=username_of(username),
            role=Role.SUPERADMIN,
            status=UserStatus.ACTIVE,
            name=FIRST_NAME,
            name_key=key_of(FIRST_NAME),
            campus_id=None,
            password_hash=self._passwords.hash(password),
            must_change_password=self._passwords.strict,
            created_at=now,
            updated_at=now,
        )

        def work() -> None:
            self._add(FIRST, [user])
            self._audit.record(
                "admin.created", actor_id=OPERATOR, campus_id=None, target=f"admin:{user.id}", role=user.role
            )

        self._store.atomically(work)
        return True

    def _add(self, scope: Scope, users: Sequence[User]) -> list[User]:
        self._names.reserve(users)
        self._stored.users.add_many(scope, users)
        return list(users)


def _wide(scope: Scope) -> Scope:
    return scope if scope.course_ids is None else Scope(scope.label, scope.campus_id)
