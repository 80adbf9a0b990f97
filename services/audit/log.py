"""The audit log as it is read: page by page, as a file, and how its chains do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from models import Actor
from services.audit import export
from services.audit.documents import PLATFORM_CHAIN, AuditRecord
from services.audit.repository import AuditRepository
from services.audit.schemas import AuditFilter, AuditOut, AuditQuery, ChainOut, ChainQuery
from services.audit.service import AuditService
from services.audit.verifying import Verifier
from utils.paging import Keyset, PageOf
from utils.problems import NotFound
from utils.scope import Scope
from utils.store import Row

SORTS: Final = {"at": "at"}
NEWEST: Final = "-at"
EXPORT_PAGE: Final = 1000
CHECKED: Final = 1000  # rows of a chain that are checked while somebody waits
EXPORTED: Final = "audit.exported"

Names: TypeAlias = Callable[[Scope, Sequence[str]], Mapping[str, str]]


class ChainNotFound(NotFound):
    """There is no such campus, or it is not yours, or nothing has happened there yet."""

    title = "No such chain"


class AuditLog:
    """Shows the rows of the actor's scope. ``names`` says who people are, as far as a scope sees them."""

    def __init__(
        self, records: AuditRepository, audit: AuditService, verifier: Verifier, names: Names
    ) -> None:
        self._records, self._audit, self._verifier, self._names = records, audit, verifier, names

    def list_records(self, query: AuditQuery, actor: Actor) -> PageOf[AuditOut]:
        """Return a page of the log, the newest first."""
        keyset = Keyset.of(query, SORTS, NEWEST)
        page = keyset.page(self._read(query, keyset, actor.scope), AuditRecord.from_mongo)
        names = self._names(actor.scope, sorted({record.actor_id for record in page.items}))
        items = [AuditOut.of(record, names.get(record.actor_id)) for record in page.items]
        return PageOf(items=items, next_cursor=page.next_cursor)

    def export(self, wanted: AuditFilter, actor: Actor) -> Iterator[bytes]:
        """Return the log as the lines of a file, which is an action itself: it stands in the log before."""
        self._audit.record(
            EXPORTED,
            actor_id=actor.id,
            campus_id=actor.campus_id,
            target="audit",
            filters=sorted(wanted.model_dump(exclude_none=True, by_alias=True)),
        )
        return self._lines(wanted, actor.scope)

    def chain(self, query: ChainQuery, actor: Actor) -> ChainOut:
        """Return how a chain does; its newest rows are checked now, all of it by ``verify-audit``."""
        campus_id = query.campus_id or actor.scope.campus_id or PLATFORM_CHAIN
        chain = None if campus_id == PLATFORM_CHAIN else campus_id
        if actor.scope.campus_id not in (None, chain):
            raise ChainNotFound()
        state = self._verifier.check(chain, newest=CHECKED)
        if chain is not None and not (state.seq or state.waiting or state.broken):
            raise ChainNotFound()
        return ChainOut.of(state)

    def _read(self, wanted: AuditFilter, keyset: Keyset, scope: Scope) -> list[Row]:
        fields = {"action", "actor_id", "target", "campus_id"}
        filters: dict[str, Any] = wanted.model_dump(include=fields, exclude_none=True)
        if filters.get("campus_id") == PLATFORM_CHAIN:
            filters["campus_id"] = None
        return self._records.list_records(scope, filters, (wanted.begin, wanted.until), keyset)

    def _lines(self, wanted: AuditFilter, scope: Scope) -> Iterator[bytes]:
        yield export.header().encode()
        keyset = Keyset(NEWEST, "at", -1, EXPORT_PAGE, None)
        while rows := self._read(wanted, keyset, scope)[:EXPORT_PAGE]:
            yield "".join(export.line(AuditRecord.from_mongo(row)) for row in rows).encode()
            keyset = Keyset(NEWEST, "at", -1, EXPORT_PAGE, (rows[-1]["at"], rows[-1]["_id"]))
