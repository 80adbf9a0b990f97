"""Checking chains: is every row there, as it was written, where it belongs, up to the head?"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from services.audit.chain import ChainKey
from services.audit.documents import GENESIS, AuditHead, AuditRecord
from services.audit.repository import ChainRepository

PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place at which a chain is not what was written. ``row_id``: empty where the row is gone."""

    seq: int
    row_id: str
    what: str


@dataclass(frozen=True, slots=True)
class ChainState:
    """What a check has found: ``rows`` that were looked at, the head, how many rows wait for their seal."""

    campus_id: str | None
    rows: int
    seq: int
    hash: str
    waiting: int
    broken: Broken | None


class ChainWalk:
    """Goes along one chain, row by row, from a row that is taken for granted or from the beginning."""

    def __init__(self, key: ChainKey, seq: int = 0, prev: str = GENESIS) -> None:
        self._key, self.seq, self.hash, self.rows = key, seq, prev, 0

    def step(self, record: AuditRecord) -> Broken | None:
        """Take the next row; return what is wrong with it."""
        seq = record.seq or 0
        if seq > self.seq + 1:
            return missing(self.seq + 1, seq - 1)
        if seq <= self.seq:
            return Broken(seq, record.id, "has a number that an earlier row has")
        if what := self._key.fault(record):
            return Broken(seq, record.id, what)
        if record.prev != self.hash:
            return Broken(seq, record.id, "does not follow the row before it")
        self.seq, self.hash, self.rows = seq, record.hash or "", self.rows + 1
        return None

    def along(self, records: Iterable[AuditRecord]) -> Broken | None:
        """Take rows in order; return the first fault."""
        return next((broken for record in records if (broken := self.step(record))), None)


class Verifier:
    """Checks the chains in the database."""

    def __init__(self, chains: ChainRepository, key: ChainKey) -> None:
        self._chains, self._key = chains, key

    def chains(self) -> list[str | None]:
        """Return every campus that has a chain; None stands for the platform."""
        return self._chains.chains()

    def check(self, campus_id: str | None, newest: int | None = None) -> ChainState:
        """Check a chain from its beginning, or the ``newest`` rows of it only."""
        waiting = self._chains.waiting(campus_id, PAGE)  # first: what is sealed meanwhile is seen below
        head = self._chains.head(campus_id) or AuditHead(campus_id=campus_id)
        walk = self._begin(campus_id, max(0, head.seq - newest) if newest else 0)
        broken = walk.along(self._rows(campus_id, walk.seq, head.seq)) or self._end(walk, head)
        return ChainState(campus_id, walk.rows, head.seq, head.hash, waiting, broken)

    def check_file(self, records: Iterable[AuditRecord], *, gaps: bool, here: bool) -> list[ChainState]:
        """Check the rows of an export; with ``here`` also that the last of each chain is in the database."""
        states = FileCheck(self._key, gaps=gaps).check(records)
        return [self._still_here(state) for state in states] if here else states

    def _still_here(self, state: ChainState) -> ChainState:
        if state.broken or not state.seq:
            return state
        found = self._chains.links(state.campus_id, state.seq - 1, 1)
        if found and (found[0].seq, found[0].hash) == (state.seq, state.hash):
            return state
        gone = Broken(state.seq, "", "was in the chain when the file was made, and is not in the database")
        return replace(state, broken=gone)

    def _begin(self, campus_id: str | None, after: int) -> ChainWalk:
        """Return a walk that begins behind the row with this number."""
        before = self._chains.links(campus_id, after - 1, 1) if after else []
        if before and before[0].seq == after:
            return ChainWalk(self._key, after, before[0].hash or "")
        return ChainWalk(self._key)  # it is gone: from the beginning

    def _rows(self, campus_id: str | None, after: int, until: int) -> Iterator[AuditRecord]:
        while rows := self._chains.links(campus_id, after, PAGE):
            for record in rows:
                if (record.seq or 0) > until:
                    return
                yield record
            after = rows[-1].seq or 0

    def _end(self, walk: ChainWalk, head: AuditHead) -> Broken | None:
        if walk.seq < head.seq:
            return missing(walk.seq + 1, head.seq)
        if walk.hash != head.hash:
            return Broken(head.seq, "", "is not the one that the head of the chain names")
        last = self._chains.last_seq(head.campus_id)
        now = self._chains.head(head.campus_id)
        if last > (now.seq if now else 0):  # read in this order: a head is never behind an honest row
            return Broken((now.seq if now else 0) + 1, "", "lies beyond the head of the chain")
        return None


def missing(first: int, last: int) -> Broken:
    """Return the fault of rows that are gone."""
    what = "is missing" if first == last else f"and those up to {last} are missing"
    return Broken(first, "", what)


class FileCheck:
    """Checks rows of an export, chain by chain: without the database, by the key alone.

    ``gaps``: the file holds what a filter let through, so that rows may be missing between others.
    """

    def __init__(self, key: ChainKey, *, gaps: bool) -> None:
        self._key, self._gaps = key, gaps

    def check(self, records: Iterable[AuditRecord]) -> list[ChainState]:
        """Return what each chain of the file is like."""
        chains: dict[str | None, list[AuditRecord]] = {}
        for record in records:
            chains.setdefault(record.campus_id, []).append(record)
        return [self._chain(campus_id, rows) for campus_id, rows in chains.items()]

    def _chain(self, campus_id: str | None, rows: list[AuditRecord]) -> ChainState:
        waiting = [row for row in rows if row.seq is None]
        places = sorted((row for row in rows if row.seq), key=lambda row: row.seq or 0)
        if not places:
            return ChainState(campus_id, 0, 0, GENESIS, len(waiting), None)
        walk = ChainWalk(self._key, (places[0].seq or 0) - 1, places[0].prev or "")
        broken = None
        for row in places:
            if self._gaps and (row.seq or 0) > walk.seq + 1:
                walk.seq, walk.hash = (row.seq or 0) - 1, row.prev or ""
            if broken := walk.step(row):
                break
        return ChainState(campus_id, walk.rows, walk.seq, walk.hash, len(waiting), broken)
