"""What the services of attempts share: who sits, what is asked, why something is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, NamedTuple

from cachetools import LRUCache

from config.permissions import Role
from models import Actor
from services.assessments.documents import Assessment
from services.assessments.papers import Papers
from services.assessments.repository import AssessmentRepository
from services.attempts.deadline import over
from services.attempts.documents import Attempt, AttemptState
from services.attempts.problems import AttemptClosed, AttemptHeldElsewhere, AttemptNotFound
from services.attempts.receipts import Receipts
from services.attempts.repository import AttemptRepository, Now
from services.attempts.save_repository import SaveRepository
from services.attempts.sheets import Sheet
from utils.problems import Forbidden, Problem, Unavailable
from utils.scope import Scope

REMEMBERED_TESTS: Final = 128
REMEMBERED_ATTEMPTS: Final = 20_000


class Known(NamedTuple):
    """What never changes of an attempt."""

    student_id: str
    test_id: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process remembers of papers, tests and attempts: what is read of it there never changes."""

    sheets: LRUCache[str, Sheet] = field(default_factory=lambda: LRUCache(REMEMBERED_TESTS))
    tests: LRUCache[str, Assessment] = field(default_factory=lambda: LRUCache(REMEMBERED_TESTS))
    attempts: LRUCache[str, Known] = field(default_factory=lambda: LRUCache(REMEMBERED_ATTEMPTS))
    lock: Lock = field(default_factory=Lock)

    def attempt(self, attempt: Attempt) -> Known:
        """Remember which test an attempt is of."""
        known = Known(attempt.student_id, attempt.test_id)
        with self.lock:
            self.attempts[attempt.id] = known
        return known


@dataclass(frozen=True, slots=True)
class Ground:
    """Attempts, tests and receipts."""

    attempts: AttemptRepository
    saves: SaveRepository
    tests: AssessmentRepository
    papers: Papers
    receipts: Receipts
    memory: Memory = field(default_factory=Memory)

    def found(self, scope: Scope, attempt_id: str) -> Now:
        """Return an attempt of the scope."""
        now = self.attempts.find(scope, attempt_id)
        if now is None:
            raise AttemptNotFound()
        self.memory.attempt(now.attempt)
        return now

    def test_id(self, scope: Scope, attempt_id: str) -> str:
        """Return of which test an attempt of one person's scope is; asked of the database once."""
        with self.memory.lock:
            known = self.memory.attempts.get(attempt_id)
        known = known or self.memory.attempt(self.found(scope, attempt_id).attempt)
        if known.student_id != scope.user_id:
            raise AttemptNotFound()
        return known.test_id

    def test(self, campus_id: str | None, test_id: str) -> Assessment:
        """Return the test of an attempt, as it is now."""
        seen = self.tests.find(Scope.campus(campus_id or ""), test_id)
        if seen is None:  # what has attempts is not removed
            raise LookupError(f"test {test_id} is gone, and has attempts")
        return seen.test

    def frozen(self, campus_id: str | None, test_id: str) -> Assessment:
        """Return the test of an attempt as it was once: what it asks and how it scores never changes."""
        with self.memory.lock:
            test = self.memory.tests.get(test_id)
        if test is None:
            test = self.test(campus_id, test_id)
            with self.memory.lock:
                self.memory.tests[test_id] = test
        return test

    def sheet(self, campus_id: str | None, test_id: str) -> Sheet:
        """Return what a published test asks."""
        with self.memory.lock:
            sheet = self.memory.sheets.get(test_id)
        if sheet is None:
            paper = self.papers.of(campus_id or "", test_id)
            if paper is None:
                raise LookupError(f"test {test_id} has no paper")
            sheet = Sheet.of(paper)
            with self.memory.lock:
                self.memory.sheets[test_id] = sheet
        return sheet

    def sat(self, scope: Scope, attempt_id: str, session_id: str) -> Attempt:
        """Return an attempt that this session sits now; raise for why it does not."""
        now = self.found(scope, attempt_id)
        if closed(now) or now.attempt.session_id != session_id:
            raise self.refusal(scope, attempt_id, session_id)
        return now.attempt

    def refusal(self, scope: Scope, attempt_id: str, session_id: str) -> Problem:
        """Return why an attempt took nothing from a session."""
        now = self.found(scope, attempt_id)
        if closed(now):
            return AttemptClosed(stored=stored_in(now.attempt))
        if now.attempt.session_id != session_id:
            return AttemptHeldElsewhere(attempt_id=attempt_id)
        return Unavailable("The attempt has just changed.", retry_after=1)  # it would be taken now


def own(actor: Actor) -> Scope:
    """Return the rows of whoever sits; raise Forbidden for everybody who is no student."""
    if actor.role is not Role.STUDENT:
        raise Forbidden("Only students sit tests.")
    return Scope.own(actor.id, actor.campus_id)


def closed(now: Now) -> bool:
    """Tell whether an attempt takes nothing any more, swept or not."""
    return now.attempt.state is AttemptState.SUBMITTED or over(now.attempt.deadline_at, now.server_time)


def stored_in(attempt: Attempt) -> list[Mapping[str, str | int]]:
    """Return what is stored, as problems name it."""
    return [{"slot": slot, "seq": saved.seq} for slot, saved in attempt.answers.items()]
