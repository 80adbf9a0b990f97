"""Which features are off, as each process knows it: half a second ago at most. Asked with every request."""

from collections.abc import Mapping
from dataclasses import replace
from threading import Lock
from typing import Final

from config.features import SWITCHABLE, Feature
from config.permissions import Permission, Role
from models import Actor
from services.features.repository import SwitchRepository
from services.ports import JSON, Bus
from utils.clock import Clock
from utils.problems import Forbidden

REMEMBERED_SECONDS: Final = 0.5
CHANGED: Final = "features.changed"
Off = Mapping[Role, frozenset[Feature]]


class FeatureSwitchedOff(Forbidden):
    """The feature that this belongs to (``feature``) is switched off for your role. Whoever looks after the
    settings of the platform can switch it on again."""

    title = "This feature is switched off for your role"


class FeatureSwitches:
    """Remembers what is off for every role; all processes are told of a change at once."""

    def __init__(self, rows: SwitchRepository, clock: Clock, bus: Bus) -> None:
        self._rows, self._clock, self._bus = rows, clock, bus
        self._known: Off = {}
        self._until = float("-inf")
        self._changes, self._lock = 0, Lock()
        bus.subscribe(CHANGED, self._forget)

    def of(self, actor: Actor) -> Actor:
        """Return somebody as they are with what is off for their role now."""
        off = self.off(actor.role)
        return actor if off == actor.off else replace(actor, off=off)

    def off(self, role: Role) -> frozenset[Feature]:
        """Return what is off for a role."""
        if role not in SWITCHABLE:
            return frozenset()
        with self._lock:
            known, before = self._known, self._changes
            fresh = self._clock.monotonic() < self._until
        if not fresh:
            began = self._clock.monotonic()
            known = self._read()
            self._remember(known, before, began + REMEMBERED_SECONDS)
        return known[role]

    def changed(self) -> None:
        """Make every process ask anew; this one does when the call returns."""
        self._bus.publish(CHANGED, {})

    def _read(self) -> Off:
        known = set(Feature)
        return {
            role: frozenset(Feature(name) for name in row.off if name in known)
            for role, row in self._rows.every().items()
        }

    def _remember(self, known: Off, before: int, until: float) -> None:
        with self._lock:
            if before == self._changes:
                self._known, self._until = known, until

    def _forget(self, _payload: Mapping[str, JSON]) -> None:
        with self._lock:
            self._changes += 1
            self._until = float("-inf")


def require(actor: Actor, permission: Permission) -> None:
    """Raise Forbidden for whoever may not, FeatureSwitchedOff for whoever could if a feature were on."""
    if permission not in actor.permissions:
        raise Forbidden(permission=permission)
    if (feature := actor.switched_off(permission)) is not None:
        raise FeatureSwitchedOff(permission=permission, feature=feature)
