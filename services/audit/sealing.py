"""The sealer: gives every audit row its place in the chain of its campus, seconds after it was added.

Any number of processes may run it, and it may die at any line: a chunk of one chain is one transaction, in
which its head is held. Rows come into the chain in the order in which they are found: one whose transaction
took long simply comes later.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from services.audit.chain import ChainKey
from services.audit.repository import ChainRepository
from utils.store import Store

SEAL_SECONDS: Final = 1.0
CHUNK: Final = 500
PATIENCE: Final = 20.0  # seconds for one chunk


class ChainMoved(Exception):
    """The chain is not what this transaction has read: somebody writes to it who does not hold its head."""


class Sealer:
    """Seals what has been added since it last looked."""

    def __init__(self, chains: ChainRepository, store: Store, key: ChainKey) -> None:
        self._chains, self._store, self._key = chains, store, key

    def tick(self) -> int:
        """Seal all that waits; return how many rows that were."""
        total = 0
        while waiting := self._chains.unsealed(CHUNK):
            done = sum(
                self._store.atomically(partial(self._seal, campus_id, ids), patience=PATIENCE)
                for campus_id, ids in _by_campus(waiting).items()
            )
            total += done
            if not done:
                break  # another process is at it
        return total

    def _seal(self, campus_id: str | None, ids: Sequence[str]) -> int:
        head = self._chains.hold(campus_id)
        rows = self._chains.still_unsealed(campus_id, ids)
        if not rows:
            return 0
        links = self._key.links(campus_id, head.seq, head.hash, [mac for _, mac in rows])
        sealed = self._chains.seal(
            campus_id, {row_id: link for (row_id, _), link in zip(rows, links, strict=True)}
        )
        if sealed != len(rows) or not self._chains.advance(campus_id, head, links[-1]):
            raise ChainMoved(campus_id)
        return sealed


def _by_campus(waiting: Sequence[tuple[str, str | None]]) -> Mapping[str | None, list[str]]:
    found: dict[str | None, list[str]] = defaultdict(list)
    for row_id, campus_id in waiting:
        found[campus_id].append(row_id)
    return found
