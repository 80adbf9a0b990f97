"""What a rehearsal needs that no client can do: links for students who do not exist, and to clear up."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qs, urlsplit

from services.accounts.documents import LinkPurpose
from services.accounts.links import OneTimeLinks
from services.exam_room.documents import Rehearsal
from services.exam_room.rehearsal_repository import RehearsalRepository
from utils.scope import Scope
from utils.store import Store

PREFIX: Final = "REHEARSAL-"  # of a campus's code


class Rehearsals:
    """Remembers what rehearsals have made until it is removed. For the command line: no route leads here."""

    def __init__(self, stored: RehearsalRepository, links: OneTimeLinks, store: Store) -> None:
        self._stored, self._links, self._store = stored, links, store

    def note(self, rehearsal: Rehearsal) -> None:
        """Remember what was made so far."""
        self._stored.put(rehearsal)

    def left_behind(self) -> Sequence[Rehearsal]:
        """Return the rehearsals of which something may be left."""
        return self._stored.left_behind()

    def tokens(self, rehearsal: Rehearsal, student_ids: Sequence[str]) -> dict[str, str]:
        """Return a one-time token to set a password for each student, which no message carries."""
        people = [(student_id, rehearsal.id) for student_id in student_ids]
        nonces = self._store.atomically(lambda: self._links.issue_many(LinkPurpose.ACTIVATE, people))
        urls = {
            student_id: self._links.url(LinkPurpose.ACTIVATE, student_id, nonce)
            for student_id, nonce in nonces.items()
        }
        return {student_id: parse_qs(urlsplit(url).query)["token"][0] for student_id, url in urls.items()}

    def clear(self, rehearsal: Rehearsal) -> None:
        """Remove the exam with all that came of it; the rest can then be removed like anything else."""
        scope = Scope.campus(rehearsal.id)
        if rehearsal.test_id is not None:
            self._stored.remove_exam(scope, rehearsal.test_id)
        self._stored.release_questions(scope, rehearsal.question_ids)

    def forget(self, rehearsal: Rehearsal) -> None:
        """Note that nothing is left."""
        self._stored.forget(rehearsal)
