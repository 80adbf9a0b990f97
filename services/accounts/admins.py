"""Admins: who may appoint, change and remove whom, and that no campus is left without one."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from config.permissions import GRANTS, MAY_APPOINT, Permission, Role, module_grants
from models import Actor
from services.accounts.documents import LinkPurpose, User, UserStatus
from services.accounts.messages import CredentialMail
from services.accounts.names import LoginNames, NewAccount
from services.accounts.principals import permissions_of
from services.accounts.repository import UserRepository
from services.accounts.schemas import AdminCreate, AdminOut, AdminQuery, AdminUpdate
from services.accounts.seats import Seats
from services.accounts.service import AccountService
from services.audit.service import AuditService
from services.batch_jobs.documents import BatchJob
from utils.documents import new_id
from utils.paging import Keyset, PageOf
from utils.problems import Conflict, Forbidden, NotFound
from utils.store import Store

T = TypeVar("T")

ADMIN_ROLES: Final = tuple(role for role in Role if role is not Role.STUDENT)


class AdminNotFound(NotFound):
    """No such admin, or not one of yours."""

    title = "No such admin"


class BeyondYourRights(Forbidden):
    """You may neither appoint nor change somebody above you, or who may do what you may not."""

    title = "This role is beyond what you may appoint"


class NotYourself(Conflict):
    """You cannot deactivate or remove your own account, nor reset your second factor. Ask another admin."""

    title = "You cannot do this to your own account"


class LastAdmin(Conflict):
    """Nobody would be left to look after the campus, or the platform. Appoint another admin first; one counts
    once they have set their password."""

    title = "This is the last active admin"


class AdminIsDeactivated(Conflict):
    """A deactivated admin gets no credentials. Reactivate the account first."""

    title = "The admin is deactivated"


class AdminService:
    """Appoints, lists, changes and removes admins inside the actor's scope."""

    def __init__(
        self,
        users: UserRepository,
        accounts: AccountService,
        names: LoginNames,
        mail: CredentialMail,
        seats: Seats,
        audit: AuditService,
        store: Store,
    ) -> None:
        self._users, self._accounts, self._names = users, accounts, names
        self._mail, self._seats, self._audit, self._store = mail, seats, audit, store

    def create(self, wanted: AdminCreate, actor: Actor) -> AdminOut:
        """Appoint an admin and send them their activation link."""
        require_above(actor, wanted.role, _granted(wanted))
        mobile = self._names.mobile(wanted.mobile_number)

        def work() -> User:
            seat = self._seats.of(wanted, actor)
            account = NewAccount(
                id=new_id(),
                username=wanted.username,
                role=wanted.role,
                name=wanted.name,
                email=wanted.email,
                mobile_number=mobile,
                campus_id=seat.campus_id,
                course_ids=seat.course_ids,
                modules=wanted.modules,
            )
            [user] = self._accounts.create_many(actor.scope, [account])
            self._mail.send(LinkPurpose.ACTIVATE, [user], campus_id=user.campus_id, actor_id=actor.id)
            self._record("admin.created", user, actor, role=user.role, course_ids=list(user.course_ids))
            return user

        return AdminOut.of(self._store.atomically(work))

    def list_admins(self, query: AdminQuery, actor: Actor) -> PageOf[AdminOut]:
        """Return a page of the admins that the actor may see, by name."""
        keyset = Keyset.of(query, {"name": "name_key"}, "name")
        given = {"campus_id": query.campus_id, "status": query.status}
        filters = {name: value for name, value in given.items() if value is not None}
        roles = ADMIN_ROLES if query.role is None else {query.role}.intersection(ADMIN_ROLES)
        rows = self._users.list_with(actor.scope, list(roles), filters, keyset)
        return keyset.page(rows, lambda row: AdminOut.of(User.from_mongo(row)))

    def get(self, admin_id: str, actor: Actor) -> AdminOut:
        """Return one admin of the actor's scope."""
        return AdminOut.of(self._found(admin_id, actor))

    def update(
        self, admin_id: str, wanted: AdminUpdate, actor: Actor, revision: int | None = None
    ) -> AdminOut:
        """Change what is given; raise Stale if the admin is no longer at ``revision``."""

        def work(user: User) -> User:
            fields = self._fields(user, wanted, actor)
            if not fields:
                return user
            changed = self._accounts.update(actor.scope, user.id, fields, revision)
            self._record("admin.changed", user, actor, fields=sorted(fields))
            return changed

        return AdminOut.of(self._with(admin_id, actor, work))

    def remove(self, admin_id: str, actor: Actor) -> None:
        """Remove an admin for good."""

        def work(user: User) -> None:
            self._require_dispensable(user, actor)
            self._accounts.remove_many(actor.scope, [user.id])
            self._record("admin.removed", user, actor, role=user.role)

        self._with(admin_id, actor, work)

    def deactivate(self, admin_id: str, actor: Actor) -> AdminOut:
        """Let an admin in no more; everything else of theirs stays."""

        def work(user: User) -> User:
            self._require_dispensable(user, actor)
            self._record("admin.deactivated", user, actor)
            return self._accounts.set_status(actor.scope, user.id, UserStatus.DEACTIVATED)

        return AdminOut.of(self._with(admin_id, actor, work))

    def reactivate(self, admin_id: str, actor: Actor) -> AdminOut:
        """Let a deactivated admin in again."""

        def work(user: User) -> User:
            if user.status is not UserStatus.DEACTIVATED:
                return user
            self._record("admin.reactivated", user, actor)
            return self._accounts.set_status(actor.scope, user.id, UserStatus.ACTIVE)

        return AdminOut.of(self._with(admin_id, actor, work))

    def unlock(self, admin_id: str, actor: Actor) -> None:
        """Let an admin try again whom failed tries keep out somewhere."""

        def work(user: User) -> None:
            self._accounts.unlock(user.id)
            self._record("admin.unlocked", user, actor)

        self._with(admin_id, actor, work)

    def send_credentials(self, admin_id: str, actor: Actor) -> BatchJob:
        """Send an admin a new one-time link; older ones end."""

        def work(user: User) -> BatchJob:
            if user.status is UserStatus.DEACTIVATED:
                raise AdminIsDeactivated()
            self._record("admin.credentials_sent", user, actor)
            return self._mail.send(LinkPurpose.ACTIVATE, [user], campus_id=user.campus_id, actor_id=actor.id)

        return self._with(admin_id, actor, work)

    def reset_second_factor(self, admin_id: str, actor: Actor) -> None:
        """Remove the second factor of an admin who has lost it; their sessions end."""

        def work(user: User) -> None:
            if user.id == actor.id:
                raise NotYourself()
            if self._accounts.reset_second_factor(actor.scope, user.id):
                self._record("admin.second_factor_reset", user, actor)

        self._with(admin_id, actor, work)

    def _with(self, admin_id: str, actor: Actor, work: Callable[[User], T]) -> T:
        """Run ``work`` in a transaction on an admin whom the actor may change."""

        def whole() -> T:
            user = self._found(admin_id, actor)
            require_above(actor, user.role, permissions_of(user))
            return work(user)

        return self._store.atomically(whole)

    def _found(self, admin_id: str, actor: Actor) -> User:
        user = self._users.find_admin(actor.scope, admin_id)
        if user is None:
            raise AdminNotFound()
        return user

    def _fields(self, user: User, wanted: AdminUpdate, actor: Actor) -> dict[str, Any]:
        fields = wanted.model_dump(exclude_unset=True)
        if "mobile_number" in fields:
            fields["mobile_number"] = self._names.mobile(fields["mobile_number"])
        if "course_ids" in fields:
            fields["course_ids"] = self._seats.courses(
                user.role, user.campus_id, fields["course_ids"], actor.scope
            )
        return fields

    def _require_dispensable(self, user: User, actor: Actor) -> None:
        if user.id == actor.id:
            raise NotYourself()
        if user.status is not UserStatus.ACTIVE or user.role not in (Role.SUPERADMIN, Role.CAMPUS_ADMIN):
            return
        if self._users.hold_active(actor.scope, user.role, user.campus_id) > 1:
            return
        if user.campus_id is None or self._others_at(user.campus_id, actor):
            raise LastAdmin()

    def _others_at(self, campus_id: str, actor: Actor) -> bool:
        return self._users.count_with(actor.scope, {"campus_id": campus_id}, limit=2) > 1

    def _record(self, action: str, user: User, actor: Actor, **detail: Any) -> None:
        self._audit.record(
            action, actor_id=actor.id, campus_id=user.campus_id, target=f"admin:{user.id}", **detail
        )


def _granted(wanted: AdminCreate) -> frozenset[Permission]:
    return module_grants(wanted.modules) if wanted.role is Role.SUB_SUPERADMIN else GRANTS[wanted.role]


def require_above(actor: Actor, role: Role, held: frozenset[Permission]) -> None:
    """Nobody gives, or takes over by changing an address, rights that they do not have themselves."""
    if role not in MAY_APPOINT.get(actor.role, frozenset()) or not held <= actor.permissions:
        raise BeyondYourRights()
