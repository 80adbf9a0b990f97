"""Saves of several students as one write, which costs a third of what one for each does."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import pymongo

from services.attempts.documents import ATTEMPTS
from services.attempts.repository import RULE, Answer, AttemptRepository, Kept, kept, saving, shown
from utils.scope import Scope
from utils.store import Store
from utils.together import Together

TOGETHER: Final = Scope.unscoped("answers of several students, each filtered by their own scope")
PATIENCE_SECONDS: Final = 1.0  # one attempt that is locked holds up the others no longer


class Save(NamedTuple):
    """What one session sends for one attempt."""

    scope: Scope
    attempt_id: str
    session_id: str
    answers: Sequence[Answer]


class Apart(Exception):
    """Not every attempt took what was sent, and it is not known which: each save goes by itself."""


class SaveRepository:
    """Saves answers, together with those that come while others are being written.

    A save may be made twice: what is there already, or something newer, stays.
    """

    def __init__(self, store: Store, attempts: AttemptRepository) -> None:
        self._rows, self._attempts = store.rows(ATTEMPTS), attempts
        self._saves = Together(self._made)

    def save(self, scope: Scope, attempt_id: str, session_id: str, answers: Sequence[Answer]) -> Kept | None:
        """Keep what is newer, like ``AttemptRepository.save``; None where the attempt takes nothing now."""
        return self._saves.make(Save(scope, attempt_id, session_id, answers))

    def _made(self, saves: Sequence[Save]) -> Sequence[Kept | None]:
        if len(saves) == 1:
            return [self._attempts.save(*saves[0])]
        with pymongo.timeout(PATIENCE_SECONDS):
            return self._written(saves)

    def _written(self, saves: Sequence[Save]) -> Sequence[Kept]:
        """Write all, then read what is there; raise Apart unless each attempt took what was sent."""
        changes = []
        for save in saves:
            query, change = saving(save.attempt_id, save.session_id, save.answers)
            changes.append(({**RULE.filter(save.scope), **query}, change))
        if self._rows.update_each(TOGETHER, changes) != len(saves):
            raise Apart
        answers = [one for save in saves for one in save.answers]
        wanted = {"_id": {"$in": [save.attempt_id for save in saves]}}
        rows = {row["_id"]: row for row in self._rows.find(TOGETHER, wanted, shown(answers))}
        return [kept(rows[save.attempt_id], save.answers) for save in saves]
