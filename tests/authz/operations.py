"""What can be asked: every declared route and every room, as one list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from flask import Flask

from config.permissions import Permission, Role
from routes._kit.admission import Access
from routes._kit.endpoint import Endpoint
from routes._kit.openapi import declared
from routes.live import WATCHABLE
from tests.authz.world import NOTHINGS, Kind, Relation, Row, World

WATCH: Final = "WATCH"
# What the walk leaves out, with the reason. A new name here is a decision to be reviewed.
ROUTES_NOT_WALKED: Final = {"static": "files of the repository, the same for everybody"}
EVENTS_NOT_WALKED: Final = {
    "connect": "shows nothing; the walk connects for every watch, and is let in or not",
    "disconnect": "takes nothing and shows nothing",
    "authenticate": "takes a token and shows nothing; tests/routes/test_live.py",
}


# What only reads, and leaves a row in the audit log.
RECORDED: Final = frozenset(
    {
        "audit.export_records",
        "batch_processing.report",
        "question_files.export_questions",
        "student_imports.error_file",
    }
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing to ask for. ``spec`` is the declaration of a route; a room has none."""

    name: str
    method: str
    rule: str
    access: Permission | Access
    spec: Endpoint | None = None

    @property
    def status(self) -> int:
        """The declared status of success."""
        return self.spec.status if self.spec else 200

    @property
    def safe(self) -> bool:
        """Whether asking changes nothing, whoever asks."""
        return self.method in ("GET", WATCH) and self.name not in RECORDED

    @property
    def anonymous(self) -> bool:
        """Whether it is not asked who asks."""
        return self.access in (Access.PUBLIC, Access.SIGNATURE)

    @property
    def before_password_change(self) -> bool:
        """Whether somebody may ask who has to change the password first."""
        return self.spec is not None and self.spec.before_password_change


def operations(app: Flask) -> Sequence[Operation]:
    """Return everything that can be asked of the app."""
    routes = [
        Operation(rule.endpoint, spec.method, rule.rule, spec.access, spec) for rule, spec in declared(app)
    ]
    rooms = [
        Operation(f"watch.{key}", WATCH, f"{room.name}:<{key}>", room.permission)
        for key, room in WATCHABLE.items()
    ]
    return [*routes, *rooms]


@dataclass(frozen=True, slots=True)
class Request:
    """A valid request, and what of its outcome no declaration tells.

    ``statuses``: of success, where it is not the declared one. ``refusal``: for an id in the body that is not
    the caller's. ``narrows``: an id in the query only narrows; else it is refused like one in the body.
    ``lists``: the reply holds exactly the rows of this kind that the caller sees and that the
    query's ids match. ``whole``: to be done only by somebody who has all courses of the row. ``appoints``:
    the role that it gives power over. ``only``: the roles that the permission is not enough without.
    ``reports``: says of each id whether it was the caller's, and succeeds. ``shows``: words and ids that the
    reply may hold whoever asks; ``shows_secrets``: those of one-time links, too.
    ``looks``: it changes nothing, whatever its method.
    ``plain``: even a failure is no problem document.
    """

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    form: Mapping[str, Any] | None = None
    statuses: frozenset[int] = frozenset()
    refusal: int = 422
    narrows: bool = True
    lists: Kind | None = None
    whole: bool = False
    appoints: Role | None = None
    only: frozenset[Role] | None = None
    reports: bool = False
    shows: frozenset[str] = frozenset()
    shows_secrets: bool = False
    looks: bool = False
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Slot:
    """An id of a request: the row that it names, and the slot to whose campus it must belong.

    One that is ``taught`` names a course that the batch in that other slot must take.
    """

    name: str
    row: Row | None
    parent: str
    taught: bool


@dataclass(slots=True)
class At:
    """Fills in the ids of one request: those of home, but the ``varied`` one as its relation says.

    What belongs to the varied slot varies with it, so that the request stays one that its owner could send.
    """

    world: World
    varied: str = ""
    relation: Relation = Relation.OWN
    known: dict[str, Kind] = field(default_factory=dict)
    given: str = ""
    slots: dict[str, Slot] = field(default_factory=dict)

    def __call__(self, name: str, kind: Kind, of: str = "", *, taught: bool = False) -> str:
        """Return the id for the slot ``name``; ``of`` is the slot that it belongs to."""
        relation = self.relation if self.varied in (name, of) else Relation.OWN
        row = self.world.target(kind, relation)
        if row is None and (name != self.varied or relation not in NOTHINGS):
            row = self.world.target(kind, Relation.OWN)
        self.known[name] = kind
        self.slots[name] = Slot(name, row, of, taught)
        row_id = row.id if row else NOTHINGS[relation]
        if name == self.varied:
            self.given = row_id
        return row_id

    def leave(self, *names: str) -> None:
        """Say that the request, as it is, does without these ids."""
        for name in names:
            self.slots.pop(name, None)
