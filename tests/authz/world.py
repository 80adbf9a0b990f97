"""A symmetrical world: two campuses, two courses each, and of everything the same in each course.

Whatever a place holds has the place's own word in its names, codes, addresses and file names. The word of a
place in a reply to somebody who has nothing to do with that place is a leak, wherever in the reply it stands.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from models import TENANT_COLLECTIONS

CAMPUSES: Final = ("a", "b")
COURSES: Final = ("1", "2")
BOTH: Final = "12"
WHOLE: Final = "0"
PLATFORM: Final = "p"
OWNED_COLLECTIONS: Final = frozenset({"notifications", "sessions"})  # their owner's, whatever the role
SECRET_FIELDS: Final = frozenset({"password_hash", "refresh_hash", "used_hashes", "recovery_hashes", "nonce"})


class Kind(StrEnum):
    """What an id can name: the collection that holds it, where that tells enough."""

    ADMIN = "admins"
    ATTEMPT = "attempts"
    BATCH = "batches"
    CAMPUS = "campuses"
    COURSE = "courses"
    DEAD_LETTER = "dead_letters"
    EMAIL = "email deliveries"
    EMAIL_SUPPRESSION = "email suppressions"
    FILE = "files"
    EMPTY_BATCH = "empty batches"
    IMPORT = "imports"
    INSTANCE = "batch_course_instances"
    GIVEN_UP_JOB = "given up batch_jobs"
    JOB = "batch_jobs"
    NOTIFICATION = "notifications"
    SESSION = "sessions"
    QUESTION = "questions"
    RECORDING = "recorded files"
    SMS = "sms deliveries"
    SMS_SUPPRESSION = "sms suppressions"
    PAUSED_JOB = "paused batch_jobs"
    WAITING_JOB = "waiting batch_jobs"
    STUDENT = "students"
    TEST = "tests"
    DRAFT_TEST = "draft tests"

    @property
    def collection(self) -> str:
        """The collection that holds such rows."""
        last = self.value.rpartition(" ")[2]  # of the empty batches, the email deliveries …
        return "users" if self is Kind.ADMIN else last

    @property
    def channel(self) -> str:
        """The channel that such rows are of; empty where they have none."""
        first = self.value.partition(" ")[0]
        return first if first in ("email", "sms") else ""


class Relation(StrEnum):
    """Where the row that an id names lies, as seen from the first course of the first campus."""

    OWN = "own"
    SIBLING = "sibling"
    SHARED = "shared"
    FOREIGN = "foreign"
    PLATFORM = "the platform's"
    MISSING = "missing"
    MALFORMED = "malformed"


NOTHINGS: Final = {Relation.MISSING: "0123456789abcdef01234567", Relation.MALFORMED: "{'$ne': null}"}
# The places that relations stand for, as campus and course.
PLACES: Final = {
    ("a", "1"): Relation.OWN,
    ("a", "2"): Relation.SIBLING,
    ("a", BOTH): Relation.SHARED,
    ("b", "1"): Relation.FOREIGN,
}


def word(campus: str, course: str = WHOLE) -> str:
    """Return the word of a place: a course, ``BOTH`` courses or the ``WHOLE`` campus."""
    return f"xq{campus}{course}qx"


@dataclass(frozen=True, slots=True)
class Row:
    """One stored row and the place that it belongs to; no campus: the platform's."""

    id: str
    collection: str
    campus_id: str | None
    course_ids: frozenset[str]
    stored: Mapping[str, Any] = field(compare=False, repr=False)

    @classmethod
    def of(cls, collection: str, stored: Mapping[str, Any]) -> "Row":
        """Read a stored row."""
        courses = {"courses": [stored["_id"]], "batch_course_instances": [stored.get("course_id")]}
        course_ids = courses.get(collection) or stored.get("course_ids") or ()
        return cls(stored["_id"], collection, stored.get("campus_id"), frozenset(course_ids), stored)


@dataclass(slots=True)
class World:
    """What was built, as it lies in the database. The walk leaves it as it found it."""

    db: Any
    campus_ids: dict[str, str] = field(default_factory=dict)
    course_ids: dict[tuple[str, str], str] = field(default_factory=dict)
    targets: dict[tuple[Kind, Relation], str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    snapshot: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()  # those of the secrets that messages carry

    def stands(self, kind: Kind, campus: str, course: str, row_id: str) -> None:
        """Let a row stand for the relation that its place has."""
        if relation := PLACES.get((campus, course)):
            self.targets.setdefault((kind, relation), row_id)

    def target(self, kind: Kind, relation: Relation) -> Row | None:
        """Return the row that stands for a relation; None where this kind has none."""
        row_id = self.targets.get((kind, relation))
        return self.rows[kind.collection][row_id] if row_id else None

    def account_id(self, username: str) -> str:
        """Return the id of an account."""
        return next(row.id for row in self.rows["users"].values() if row.stored["username"] == username)

    def of_kind(self, kind: Kind) -> Iterator[Row]:
        """Yield every row of a kind."""
        for row in self.rows[kind.collection].values():
            of_it = kind is not Kind.ADMIN or row.stored["role"] != "student"
            if of_it and kind.channel in ("", row.stored.get("channel")):
                yield row

    def look(self) -> None:
        """Remember everything that is stored now."""
        names = sorted(set(self.db.list_collection_names()) - {"migrations"})
        self.snapshot = {name: list(self.db[name].find()) for name in names if not name.startswith("system.")}
        self.rows = {
            name: {row["_id"]: Row.of(name, row) for row in self.snapshot[name]}
            for name in TENANT_COLLECTIONS | OWNED_COLLECTIONS
        }
        kept = {text for rows in self.snapshot.values() for text in _secrets(rows, within=False)}
        hashes = {row["_id"] for row in self.snapshot["one_time_links"]}
        self.links = frozenset(self.tokens.values())
        self.secrets = frozenset(kept | hashes | self.links)


def _secrets(value: Any, *, within: bool) -> Iterator[str]:
    """Yield every string below a field that may never leave."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _secrets(part, within=within or name in SECRET_FIELDS)
    elif isinstance(value, list):
        for part in value:
            yield from _secrets(part, within=within)
    elif within and isinstance(value, str) and value:
        yield value
