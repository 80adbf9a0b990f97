"""Requests about an id of one's choice, and what any id has to be answered with that is nobody's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.authz.actors import Actor
from tests.authz.asking import Asking, Reply
from tests.authz.operations import At, Operation
from tests.authz.valid_requests import VALID_REQUESTS
from tests.authz.world import NOTHINGS, Kind, Relation, World

NOBODY: Final = NOTHINGS[Relation.MISSING]


@dataclass(slots=True)
class AtId(At):
    """Fills in a chosen id, whatever it is, where a request would name a row."""

    chosen: Any = None

    def __call__(self, name: str, kind: Kind, of: str = "", *, taught: bool = False) -> Any:
        """Return the id for the slot ``name``."""
        row_id = At.__call__(self, name, kind, of, taught=taught)
        return self.chosen if name == self.varied else row_id


def about(asking: Asking, world: World, operation: Operation, actor: Actor, slot: str, row_id: Any) -> Reply:
    """Ask for an operation with this id in one slot, and one's own everywhere else."""
    at = AtId(world, slot, Relation.MISSING, chosen=row_id)
    return asking.ask(operation, actor, VALID_REQUESTS[operation.name](at))


def unlike_nobody(
    asking: Asking, world: World, operation: Operation, actor: Actor, slot: str, row_ids: Sequence[str]
) -> Iterator[str]:
    """Yield the ids that are answered otherwise than nobody's, and how."""
    missing = about(asking, world, operation, actor, slot, NOBODY).but(NOBODY)[:2]
    for row_id in row_ids:
        found = about(asking, world, operation, actor, slot, row_id)
        if found.but(row_id)[:2] != missing:
            yield f"{operation.name} {slot}={row_id!r}: {found.status} {found.text[:200]} not {missing[0]}"
