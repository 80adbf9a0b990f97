"""Addresses that nothing more is sent to: a message to them bounced for good, or was complained about."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel

from models import Actor
from services.audit.service import AuditService
from services.notifications.documents import Suppression
from services.notifications.suppression_repository import SuppressionRepository
from services.ports import Channel
from utils.paging import Keyset, PageOf, PageQuery
from utils.problems import NotFound
from utils.scope import Scope
from utils.store import Store


class SuppressionNotFound(NotFound):
    """No such suppression, or not one of yours, or of the other channel."""

    title = "No such suppression"


class SuppressionOut(BaseModel):
    """Somebody whom nothing more is sent to over one channel, at the address that they had then."""

    id: str
    channel: Channel
    recipient_id: str
    name: str
    reason: str
    delivery_id: str
    since: datetime


class SuppressionService:
    """Keeps, shows and lifts suppressions."""

    def __init__(self, suppressions: SuppressionRepository, audit: AuditService, store: Store) -> None:
        self._suppressions, self._audit, self._store = suppressions, audit, store

    def add(self, suppression: Suppression) -> None:
        """Suppress an address for its campus; one that is suppressed already stays as it is."""
        scope = scope_of_place(suppression.campus_id)
        address = normal(suppression.channel, suppression.address)
        self._suppressions.add(scope, suppression.model_copy(update={"address": address}))

    def among(self, campus_id: str | None, channel: Channel, addresses: Sequence[str]) -> dict[str, str]:
        """Return why each of these addresses is suppressed that is."""
        forms = {address: normal(channel, address) for address in addresses}
        if not forms:
            return {}
        found = self._suppressions.among(
            scope_of_place(campus_id), campus_id, channel, list(set(forms.values()))
        )
        return {address: found[form] for address, form in forms.items() if form in found}

    def list_newest(self, channel: Channel, query: PageQuery, actor: Actor) -> PageOf[SuppressionOut]:
        """Return a page of suppressions of the actor's place, the newest first."""
        keyset = Keyset.of(query, {"id": "_id"}, "-id")
        rows = self._suppressions.list_newest(actor.scope, channel, keyset)
        return keyset.page(rows, lambda row: _out(Suppression.from_mongo(row)))

    def lift(self, channel: Channel, suppression_id: str, actor: Actor) -> None:
        """Let messages go to an address again. A provider that keeps a list of its own still refuses them."""

        def work() -> None:
            found = self._suppressions.find(actor.scope, channel, suppression_id)
            if found is None or not self._suppressions.remove(actor.scope, suppression_id):
                raise SuppressionNotFound()
            self._audit.record(
                "suppression.lifted",
                actor_id=actor.id,
                campus_id=found.campus_id,
                target=f"suppression:{found.id}",
                channel=str(channel),
                recipient_id=found.recipient_id,
                reason=found.reason,
            )

        self._store.atomically(work)


def normal(channel: Channel, address: str) -> str:
    """Return the form in which two spellings of an address are one."""
    return address.strip().casefold() if channel is Channel.EMAIL else address.strip()


def scope_of_place(campus_id: str | None) -> Scope:
    """Return the scope in which the messages of a campus, or of the platform, are dealt with."""
    return Scope.campus(campus_id) if campus_id else Scope.unscoped("messages of the platform")


def _out(suppression: Suppression) -> SuppressionOut:
    return SuppressionOut(**{name: getattr(suppression, name) for name in SuppressionOut.model_fields})
