"""What one admin may do: read, widened, narrowed, and put back to what the role grants."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from config.modules import Module, Template
from config.permissions import GRANTS, MAY_APPOINT, MOST, Permission, Role
from models import Actor
from services.access.schemas import ModuleOut, PermissionsIn, PermissionsOut, TemplateOut
from services.accounts.admins import AdminNotFound, BeyondYourRights, require_above
from services.accounts.documents import User, UserStatus
from services.accounts.principals import actor_for, permissions_of
from services.accounts.repository import UserRepository
from services.accounts.service import AccountService
from services.audit.service import AuditService
from utils.paging import PageOf
from utils.problems import Forbidden, Invalid, Unauthorized
from utils.scope import Scope
from utils.store import Store

Fields = Mapping[str, Any]
AS_THE_ROLE: Final[Fields] = {"modules": {}, "granted": (), "withheld": ()}


class YourOwnPermissions(Forbidden):
    """Nobody changes what they may do themselves. Ask another admin."""

    title = "You cannot change your own permissions"


class AccessService:
    """Changes what admins may do, never beyond what whoever changes it may do at that moment."""

    def __init__(
        self, users: UserRepository, accounts: AccountService, audit: AuditService, store: Store
    ) -> None:
        self._users, self._accounts, self._audit, self._store = users, accounts, audit, store

    def read(self, admin_id: str, actor: Actor) -> PermissionsOut:
        """Return what an admin of the actor's scope may do."""
        return _shown(self._found(admin_id, actor), actor)

    def change(
        self, admin_id: str, wanted: PermissionsIn, actor: Actor, revision: int | None
    ) -> PermissionsOut:
        """Let an admin do this and nothing else; raise BeyondYourRights, Stale."""
        return self._set(admin_id, actor, lambda user, grantor: _fields(user, wanted, grantor), revision)

    def reset(self, admin_id: str, actor: Actor) -> PermissionsOut:
        """Let an admin do what the role grants: nothing, where permissions go by module."""
        return self._set(admin_id, actor, lambda _user, _grantor: AS_THE_ROLE, None)

    def list_modules(self, actor: Actor) -> PageOf[ModuleOut]:
        """Return every module."""
        return PageOf(items=[ModuleOut.of(module, actor) for module in Module], next_cursor=None)

    def list_templates(self) -> PageOf[TemplateOut]:
        """Return every template."""
        return PageOf(items=[TemplateOut.of(template) for template in Template], next_cursor=None)

    def _set(
        self, admin_id: str, actor: Actor, fields_for: Callable[[User, Actor], Fields], revision: int | None
    ) -> PermissionsOut:
        def work() -> PermissionsOut:
            user, grantor = self._found(admin_id, actor), self._as_now(actor)
            if user.id == grantor.id:
                raise YourOwnPermissions()
            require_above(grantor, user.role, permissions_of(user))
            fields = fields_for(user, grantor)
            future = permissions_of(user.model_copy(update=dict(fields)))
            if not future <= grantor.permissions:
                raise BeyondYourRights()
            changed = self._accounts.update(actor.scope, user.id, fields, revision)
            self._record(user, changed, actor)
            return _shown(changed, grantor)

        return self._store.atomically(work)

    def _as_now(self, actor: Actor) -> Actor:
        """Return whoever asks as the transaction sees them; what they may do stays so until it ends."""
        user = self._users.hold(Scope.own(actor.id, actor.campus_id), actor.id)
        if user is None or user.status is not UserStatus.ACTIVE:
            raise Unauthorized()
        now = actor_for(user, actor.session_id)
        if Permission.PERMISSION_WRITE not in now.permissions:
            raise Forbidden(permission=Permission.PERMISSION_WRITE)
        return now

    def _found(self, admin_id: str, actor: Actor) -> User:
        user = self._users.find_admin(actor.scope, admin_id)
        if user is None:
            raise AdminNotFound()
        return user

    def _record(self, before: User, after: User, actor: Actor) -> None:
        had, has = permissions_of(before), permissions_of(after)
        self._audit.record(
            "admin.permissions_changed",
            actor_id=actor.id,
            campus_id=after.campus_id,
            target=f"admin:{after.id}",
            given=sorted(has - had),
            taken=sorted(had - has),
            before=_stored(before),
            after=_stored(after),
        )


def _fields(user: User, wanted: PermissionsIn, grantor: Actor) -> Fields:
    if (modules := wanted.modules) is not None:
        if user.role is not Role.SUB_SUPERADMIN:
            raise Invalid.field("permissions", f"has to be a list of permissions for the role {user.role}")
        given = {str(name): access for name, access in modules.items() if access != "none"}
        return {"modules": given, "granted": (), "withheld": ()}
    if user.role is Role.SUB_SUPERADMIN:
        raise Invalid.field("permissions", "has to be none, read or write per module for a sub-superadmin")
    listed = {Permission(name) for name in wanted.permissions or ()}
    if not listed <= grantor.permissions:
        raise BeyondYourRights()
    return _differences(user.role, listed)


def _differences(role: Role, listed: set[Permission]) -> Fields:
    """Return in what an admin differs from the role, who may do just what is listed."""
    if beyond := sorted(listed - MOST[role]):
        raise Invalid.field("permissions", f"{beyond[0]} is more than the role {role} may ever hold")
    if role is Role.SUPERADMIN and listed != MOST[role]:
        raise Invalid.field("permissions", "a superadmin holds all; appoint a sub-superadmin for less")
    usual = GRANTS[role]
    return {"granted": tuple(sorted(listed - usual)), "withheld": tuple(sorted(usual - listed))}


def _shown(user: User, actor: Actor) -> PermissionsOut:
    below = user.role in MAY_APPOINT.get(actor.role, frozenset()) and user.id != actor.id
    reach = MOST[user.role] & actor.permissions if below and permissions_of(user) <= actor.permissions else ()
    return PermissionsOut.of(user, frozenset(reach))


def _stored(user: User) -> dict[str, Any]:
    return {"modules": dict(user.modules), "granted": list(user.granted), "withheld": list(user.withheld)}
