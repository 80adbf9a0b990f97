"""What a reply may hold: the words, ids and secrets that have no business in it."""

import re
from collections.abc import Iterator
from typing import Final

from config.permissions import Role
from tests.authz.actors import Actor
from tests.authz.operations import Request
from tests.authz.world import BOTH, CAMPUSES, COURSES, PLATFORM, WHOLE, Row, World, word

WORD: Final = re.compile(r"xq[a-z][0-9]+qx", re.IGNORECASE)
ROW_ID: Final = re.compile(r"[0-9a-f]{24}")
LONG: Final = re.compile(r"[A-Za-z0-9_$./-]{20,}")
# Rows that name no course of their own: whoever works in a course gets to them through a row that does.
COURSELESS: Final = frozenset({"audit", "deliveries", "import_rows", "sub_batches"})


class Leaks:
    """Finds in replies to one actor what belongs to others."""

    def __init__(self, actor: Actor, world: World) -> None:
        self._words, self._secrets, self._links = _words(actor), world.secrets, world.links
        rows = [row for rows in world.rows.values() for row in rows.values()]
        self._foreign = {row.id for row in rows if not _may_be_named(row, actor, world)}

    def within(self, text: str, request: Request) -> Iterator[str]:
        """Yield what is wrong with a reply; ids that the request names are no news."""
        words = {found.lower() for found in WORD.findall(text)} - self._words - request.shows
        if words:
            yield f"it holds words of others: {sorted(words)}"
        given = str((request.path, request.query, request.body, request.form))
        ids = {found for found in ROW_ID.findall(text) if found in self._foreign and found not in given}
        if ids := ids - request.shows:
            yield f"it holds ids of others: {sorted(ids)}"
        secrets = self._secrets - self._links if request.shows_secrets else self._secrets
        if not secrets.isdisjoint(LONG.findall(text)):
            yield "it holds a password's hash or a token"


def _words(actor: Actor) -> frozenset[str]:
    """Return the words that an actor may read."""
    if not actor.gets_in or actor.role is None:
        return frozenset()
    everywhere = {word(campus, course) for campus in CAMPUSES for course in (*COURSES, BOTH, WHOLE)}
    match actor.role:
        case Role.SUPERADMIN | Role.SUB_SUPERADMIN:
            return frozenset(everywhere | {word(PLATFORM)})
        case Role.CAMPUS_ADMIN:
            return frozenset(word(actor.campus, course) for course in (*COURSES, BOTH, WHOLE))
        case Role.COURSE_ADMIN:
            return frozenset(word(actor.campus, course) for course in (*actor.courses, BOTH, WHOLE))
    return frozenset({word(actor.campus, "".join(actor.courses) or WHOLE)})


def _may_be_named(row: Row, actor: Actor, world: World) -> bool:
    """Tell whether a row's id may stand in a reply: also of who made a thing, of one's place and self."""
    if not actor.gets_in or actor.role is None:
        return False
    if actor.sees(row, world) or row.id in {actor.campus_id(world), *actor.course_ids(world)}:
        return True
    if row.stored.get("username") == actor.username:
        return True
    if actor.role not in (Role.CAMPUS_ADMIN, Role.COURSE_ADMIN):
        return False
    near = row.campus_id in (None, actor.campus_id(world))
    return near and (row.collection in COURSELESS or row.stored.get("role", "student") != "student")
