"""Switching features on and off for a role, and seeing what is on."""

from collections.abc import Mapping

from config.features import FEATURES, SWITCHABLE, Feature
from config.permissions import MAY_APPOINT, Role
from models import Actor
from services.accounts.admins import BeyondYourRights
from services.audit.service import AuditService
from services.features.documents import RoleSwitches
from services.features.repository import SwitchRepository
from services.features.schemas import FeaturesIn, RoleFeaturesOut
from services.features.switches import FeatureSwitches
from utils.paging import PageOf
from utils.problems import Invalid, NotFound, Stale
from utils.store import Store


class RoleNotFound(NotFound):
    """There is no such role, or none for which anything can be switched off."""

    title = "No such role"


class FeatureService:
    """The features of the whole platform, by role."""

    def __init__(
        self, rows: SwitchRepository, switches: FeatureSwitches, audit: AuditService, store: Store
    ) -> None:
        self._rows, self._switches, self._audit, self._store = rows, switches, audit, store

    def list_roles(self) -> PageOf[RoleFeaturesOut]:
        """Return the features of every role that has any to switch."""
        items = [RoleFeaturesOut.of(role, row) for role, row in self._rows.every().items()]
        return PageOf(items=items, next_cursor=None)

    def read(self, role_name: str) -> RoleFeaturesOut:
        """Return the features of a role."""
        role = _role(role_name)
        return RoleFeaturesOut.of(role, self._rows.every()[role])

    def switch(
        self, role_name: str, wanted: FeaturesIn, actor: Actor, revision: int | None
    ) -> RoleFeaturesOut:
        """Switch features of a role that the actor stands above; in every process within a second."""
        role = _role(role_name)
        if role is not Role.STUDENT and role not in MAY_APPOINT.get(actor.role, frozenset()):
            raise BeyondYourRights()
        if foreign := sorted(wanted.features.keys() - FEATURES[role]):
            raise Invalid.field("features", f"{foreign[0]} is no feature of the role {role}")

        def work() -> RoleSwitches:
            before = self._rows.every()[role]
            if revision not in (None, before.revision):
                raise Stale()
            off = _switched(before, wanted.features)
            if off == set(before.off):
                return before
            self._record(role, set(before.off), off, actor)
            self._store.after_commit(self._switches.changed)
            return self._rows.set(role, off)

        return RoleFeaturesOut.of(role, self._store.atomically(work))

    def _record(self, role: Role, before: set[str], after: set[str], actor: Actor) -> None:
        self._audit.record(
            "features.switched",
            actor_id=actor.id,
            campus_id=None,
            target=f"role:{role}",
            off=sorted(after - before),
            on=sorted(before - after),
        )


def _role(name: str) -> Role:
    if name not in SWITCHABLE:
        raise RoleNotFound()
    return Role(name)


def _switched(before: RoleSwitches, wanted: Mapping[Feature, bool]) -> set[str]:
    off = {name for name, on in wanted.items() if not on}
    on = wanted.keys() - off
    return {str(name) for name in (set(before.off) - on) | off}
