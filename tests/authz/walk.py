"""Asks everything of everybody, and says what was not as it had to be."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.authz.actors import Actor
from tests.authz.asking import Asking, Reply
from tests.authz.effects import Effects, beyond
from tests.authz.expectation import Expected, expected
from tests.authz.leaks import Leaks
from tests.authz.operations import WATCH, At, Operation, Request
from tests.authz.valid_requests import VALID_REQUESTS
from tests.authz.world import NOTHINGS, Kind, Relation, Row, World

# Nobody's id first: what it is answered with is what every id has to be answered with that is not one's own.
OTHERS: Final = (Relation.MISSING, *(one for one in Relation if one not in (Relation.OWN, Relation.MISSING)))
SHOWN: Final = 300


@dataclass(frozen=True, slots=True)
class Case:
    """One actor asks for one operation, one of its ids standing in one relation."""

    actor: Actor
    operation: Operation
    slot: str = ""
    relation: Relation = Relation.OWN

    def __str__(self) -> str:
        what = f"{self.slot} {self.relation}" if self.slot else self.relation
        return f"{self.actor.name}: {self.operation.name} ({what})"


@dataclass(slots=True)
class Walk:
    """A walk through the world. ``findings`` has a line for everything that nothing explains."""

    world: World
    asking: Asking
    effects: Effects
    asked: list[Case] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    unseen: list[Case] = field(default_factory=list)  # what was asked since we last looked for effects
    watcher: Callable[[Case], None] = lambda _: None  # is told of each case before it is asked
    leaks: dict[str, Leaks] = field(default_factory=dict)  # by actor: they take a while to be worked out

    def through(self, actors: Sequence[Actor], operations: Sequence[Operation]) -> "Walk":
        """Ask for every operation, once per actor, id and relation."""
        for actor in actors:
            for operation in operations:
                self.ask(actor, operation)
                for slot in known(operation, self.world):
                    self.vary(actor, operation, slot)
                if not operation.safe:
                    self._look()
            self._look(at_all=True)
        return self

    def ask(self, actor: Actor, operation: Operation) -> None:
        """Ask for one operation as its owner would."""
        self._ask(Case(actor, operation))

    def vary(self, actor: Actor, operation: Operation, slot: str) -> None:
        """Ask for one operation with one of its ids in every other relation."""
        kind, missing = known(operation, self.world)[slot], None
        for relation in OTHERS:
            if stands(kind, relation, self.world):
                reply = self._ask(Case(actor, operation, slot, relation), missing)
                missing = missing or reply

    def ended(self) -> Sequence[str]:
        """Return what was found, after a last look at what was left behind."""
        self._look()
        return self.findings

    def _ask(self, case: Case, missing: Reply | None = None) -> Reply:
        at = At(self.world, case.slot, case.relation)
        request = VALID_REQUESTS[case.operation.name](at)
        wanted = expected(case.operation, case.actor, request, at.slots, self.world)
        if wanted.acts:
            self._look()  # what is found afterwards is its own
        self.watcher(case)
        reply = self.asking.ask(case.operation, case.actor, request)
        if (leaks := self.leaks.get(case.actor.name)) is None:
            leaks = self.leaks[case.actor.name] = Leaks(case.actor, self.world)
        faults = [
            *_misfits(case, request, reply, wanted),
            *leaks.within(reply.text, request),
            *self._listed(case, request, reply, wanted),
            *self._left_behind(case, wanted, reply),
        ]
        nobodys = missing.but(NOTHINGS[Relation.MISSING]) if missing else None
        if wanted.nobodys == case.slot != "" and nobodys and reply.but(at.given) != nobodys:
            faults.append(f"nobody's id is answered otherwise: {nobodys}")
        self.asked.append(case)
        self.findings += [f"{case}: {fault}; answer {reply.status} {reply.text[:SHOWN]}" for fault in faults]
        return reply

    def _listed(self, case: Case, request: Request, reply: Reply, wanted: Expected) -> Iterator[str]:
        """Yield what is wrong with a list: it has to hold every row that the actor sees, and no other."""
        if request.lists is None or reply.status != case.operation.status:
            return
        rows = () if wanted.nobodys else self.world.of_kind(request.lists)
        seen = {row.id for row in rows if case.actor.sees(row, self.world) and _matches(row, request)}
        shown = {item["id"] for item in reply.json["items"]}
        if shown != seen:
            yield f"it lists {len(shown - seen)} rows too many and {len(seen - shown)} too few"

    def _left_behind(self, case: Case, wanted: Expected, reply: Reply) -> Iterator[str]:
        """Yield what was changed that may not be, and put it back. Refusals are looked at together, later."""
        if not wanted.acts and (case.operation.safe or reply.status >= 400):
            self.unseen.append(case)
            return
        if not (changed := self.effects.changed()):
            return
        moved = self.effects.undo(changed)
        if not wanted.acts:
            yield f"it changed {', '.join(changed)}"
        elif not case.operation.anonymous:
            yield from beyond(case.actor, moved, self.world)

    def _look(self, *, at_all: bool = False) -> None:
        """Note it when any of the requests since the last look changed something: none of them may.

        A look ``at_all`` does not trust what we heard of the commands that were sent.
        """
        if (self.unseen or at_all) and (changed := self.effects.changed(all_of_it=at_all)):
            self.effects.undo(changed)
            since = f"between {self.unseen[0]} and {self.unseen[-1]}" if self.unseen else "unheard"
            self.findings.append(f"{since}: {', '.join(changed)} changed")
        self.unseen.clear()


def known(operation: Operation, world: World) -> Mapping[str, Kind]:
    """Return the ids that a request of this operation carries, and what each names."""
    at = At(world)
    VALID_REQUESTS[operation.name](at)
    return at.known


def stands(kind: Kind, relation: Relation, world: World) -> bool:
    """Tell whether there is something of a kind in a relation: nobody's ids are there for all."""
    return relation in NOTHINGS or world.target(kind, relation) is not None


def _misfits(case: Case, request: Request, reply: Reply, wanted: Expected) -> Iterator[str]:
    """Yield how the answer differs from what it has to be."""
    if reply.status not in wanted.statuses:
        yield f"it should be {sorted(wanted.statuses)}"
    if wanted.slug and reply.slug != wanted.slug:
        yield f"it should tell of {wanted.slug}"
    if wanted.slug == reply.slug == "forbidden" and reply.json.get("permission", "") != wanted.permission:
        yield f"it should be for the want of {wanted.permission or 'something else than a permission'}"
    if reply.status >= 400 and not reply.slug and not request.plain:
        yield "it should be a problem"
    joined = case.operation.method == WATCH and reply.status == 200
    if bool(reply.rooms) != joined:
        yield f"it leaves the socket in {sorted(reply.rooms)}"


def _matches(row: Row, request: Request) -> bool:
    """Tell whether a row is one that the query's ids let through."""
    ids = {name: value for name, value in request.query.items() if name.endswith("_id")}
    return all(
        row.stored.get(name) == value or value in row.stored.get(f"{name}s", ())
        for name, value in ids.items()
    )
