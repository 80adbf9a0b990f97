"""Calls of repositories, repeated with a scope that holds nothing: they must find nothing and touch nobody's.

This reaches what no request reaches with a narrow scope: what background work does, and what a service looks
up first and only then changes. Besides what was seen, each method is called with made-up arguments.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from models import TENANT_COLLECTIONS
from tests.authz.effects import Effects
from tests.authz.making_up import made_up
from tests.authz.recording import SCOPE, Call, Method, Recorder
from tests.authz.world import NOTHINGS, Relation, World
from tests.authz.writes import Writes
from utils.scope import Scope
from utils.store import Store

NOBODY: Final = NOTHINGS[Relation.MISSING]
NOWHERE: Final = Scope("campus:nowhere", NOBODY)
NOTHING: Final = "{'$in': []}"  # what a narrowing becomes for which a collection has no field


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call returned or raised, whose rows it moved, how many it added, and which collections it asked
    without saying to the database in which scope."""

    told: str
    moved: frozenset[tuple[str, str]] = frozenset()
    added: int = 0
    unscoped: frozenset[str] = frozenset()


class Replays:
    """Repeats calls that were recorded."""

    def __init__(self, recorder: Recorder, world: World, effects: Effects, store: Store) -> None:
        self._recorder, self._effects, self._store = recorder, effects, store
        self._known = {name: set(world.rows[name]) for name in TENANT_COLLECTIONS}
        campuses = world.campus_ids.values()
        self._scopes = [
            NOWHERE,
            *(Scope("courses:none", campus_id, (NOBODY,)) for campus_id in campuses),
            *(Scope("own:nobody", campus_id, user_id=NOBODY) for campus_id in campuses),
        ]
        self._usual: dict[Method, list[Outcome]] = {}

    def usual(self, method: Method) -> list[Outcome]:
        """Return what comes of a method's calls in the app as it is; what differs each time is left out."""
        if method not in self._usual:
            both = zip(self._of(method), self._of(method), strict=True)
            self._usual[method] = [one if one == other else replace(one, told="") for one, other in both]
        return self._usual[method]

    def differs(self, method: Method) -> bool:
        """Tell whether anything else comes of a method's calls now."""
        pairs = zip(self.usual(method), self._of(method), strict=True)
        return any((now if usual.told else replace(now, told="")) != usual for usual, now in pairs)

    def _of(self, method: Method) -> Iterator[Outcome]:
        for call in [*self._recorder.calls(method), made_up(method, self._recorder, self._store)]:
            for scope in self._scopes:
                yield self._outcome(method, call, scope)

    def _outcome(self, method: Method, call: Call, scope: Scope) -> Outcome:
        given, named = list(call.given), dict(call.named)
        if SCOPE in named:
            named[SCOPE] = scope
        else:
            given[method.place] = scope
        with Writes.installed().filters() as filters:
            told = _told(method, given, named)
        moved = self._effects.undo(self._effects.changed())
        tenant = {(name, row) for name in TENANT_COLLECTIONS & moved.keys() for row in moved[name]}
        ours = {(name, row) for name, row in tenant if row in self._known[name]}
        unscoped = {
            name for name, asked in filters if name in TENANT_COLLECTIONS and not _holds_nothing(asked)
        }
        return Outcome(told, frozenset(ours), len(tenant - ours), frozenset(unscoped))


def _holds_nothing(asked: Any) -> bool:
    return NOBODY in str(asked) or NOTHING in str(asked)


def _told(method: Method, given: list[Any], named: dict[str, Any]) -> str:
    try:
        return repr(method.stored(*given, **named))
    except Exception as error:  # whatever it is, it is what comes of the call
        return type(error).__name__
