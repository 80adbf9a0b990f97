"""What is done alike with every kind of place: found, listed, added, changed and removed, all on record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pymongo.errors import DuplicateKeyError

from models import Actor
from services.audit.service import AuditService
from services.campuses.documents import Place
from services.campuses.problems import AlreadyInUse, StillInUse
from services.campuses.repository import PlaceRepository, Places
from services.ports import Dependants
from utils.clock import Clock
from utils.paging import Keyset, Out, PageOf, PageQuery
from utils.problems import Invalid, NotFound, Stale
from utils.scope import Scope
from utils.store import Store
from utils.text import key_of

Kept = TypeVar("Kept", bound=Place)
T = TypeVar("T")
SORTS: Final = {"name": "name_key"}
KEYED: Final = ("name", "code")


class Ground:
    """What the services of the organisation share: the rows, the transaction, the audit log, who depends."""

    def __init__(
        self,
        places: Places,
        store: Store,
        audit: AuditService,
        clock: Clock,
        dependants: Sequence[Dependants],
    ) -> None:
        self.places, self.store, self.clock = places, store, clock
        self._audit, self._dependants = audit, dependants

    def record(self, action: str, actor: Actor, place: Place, **detail: Any) -> None:
        """Write to the audit log; ``action`` is ``noun.verb``."""
        target = f"{action.partition('.')[0]}:{place.id}"
        self._audit.record(action, actor_id=actor.id, campus_id=place.campus_id, target=target, **detail)

    def hold_campus(self, actor: Actor, campus_id: str) -> None:
        """Keep a campus until the open transaction ends; raise Invalid for one that is not theirs."""
        if self.places.campuses.hold(actor.scope.whole_campus, campus_id) is None:
            raise Invalid.field("campus_id", "is not a campus of yours")

    def refuse_while_used(self, kind: str, row_id: str, campus_id: str, **own: int) -> None:
        """Raise StillInUse if anything depends on the row; asked in the transaction that removes it."""
        counts = dict(own)
        for provider in self._dependants:
            counts |= provider.counts(kind, row_id, campus_id)
        if used := {name: count for name, count in counts.items() if count}:
            raise StillInUse.by(used)


@dataclass(frozen=True, slots=True)
class Kind:
    """What is particular about one kind of place: its noun, and which field no two of them share."""

    noun: str
    missing: type[NotFound]
    unique: str
    taken: str


class Keeper(Generic[Kept]):
    """Keeps the places of one kind. What changes rows is called inside ``atomically``."""

    def __init__(self, kind: Kind, rows: PlaceRepository[Kept], ground: Ground) -> None:
        self._kind, self._rows, self._ground = kind, rows, ground

    def atomically(self, work: Callable[[], T]) -> T:
        """Run ``work`` in a transaction; raise AlreadyInUse for a name or code that another one has."""
        try:
            return self._ground.store.atomically(work)
        except DuplicateKeyError:
            raise AlreadyInUse.of(self._kind.unique, self._kind.taken) from None

    def fresh(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a new place with all that is made of them, and when it was made."""
        now = self._ground.clock.now()
        return _keyed(fields) | {"created_at": now, "updated_at": now}

    def found(self, scope: Scope, row_id: str) -> Kept:
        """Return a place; one outside the scope does not exist."""
        place = self._rows.find(scope, row_id)
        if place is None:
            raise self._kind.missing()
        return place

    def recent(self, scope: Scope, row_id: str) -> Kept:
        """Return a place to show, as it was a moment ago; one outside the scope does not exist."""
        place = self._rows.recent(scope, row_id)
        if place is None:
            raise self._kind.missing()
        return place

    def page(
        self, scope: Scope, filters: Mapping[str, Any], query: PageQuery, show: Callable[[Kept], Out]
    ) -> PageOf[Out]:
        """Return a page by name, as it was a moment ago."""
        page = self._rows.recent_page(scope, filters, Keyset.of(query, SORTS, "name"))
        return PageOf(items=[show(place) for place in page.items], next_cursor=page.next_cursor)

    def add(self, place: Kept, actor: Actor) -> None:
        """Store a new place."""
        self._rows.add(Scope.campus(place.campus_id), place)
        self._ground.record(f"{self._kind.noun}.created", actor, place)

    def change(self, place: Kept, wanted: Mapping[str, Any], revision: int | None, actor: Actor) -> Kept:
        """Set what is not so already; raise Stale if the place is no longer at ``revision`` (None: any)."""
        if revision not in (None, place.revision):
            raise Stale()
        fields = {name: value for name, value in wanted.items() if getattr(place, name) != value}
        if not fields:
            return place
        stored = _keyed(fields) | {"updated_at": self._ground.clock.now()}
        changed = self._rows.change(Scope.campus(place.campus_id), place.id, place.revision, stored)
        if changed is None:
            raise Stale()
        self._ground.record(f"{self._kind.noun}.changed", actor, place, fields=sorted(fields))
        return changed

    def remove(self, place: Kept, actor: Actor, **own: int) -> None:
        """Remove a place on which nothing depends; ``own`` counts what this area knows to depend on it."""
        self._ground.refuse_while_used(self._kind.noun, place.id, place.campus_id, **own)
        self._rows.remove(Scope.campus(place.campus_id), place.id)
        self._ground.record(f"{self._kind.noun}.removed", actor, place)


def _keyed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with the normal forms of those that have one."""
    return {**fields, **{f"{name}_key": key_of(fields[name]) for name in KEYED if name in fields}}
