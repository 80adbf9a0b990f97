"""What a student has sat: every attempt that is closed, its score where they may see it."""

from datetime import datetime
from typing import Final, Self

from pydantic import BaseModel

from models import Actor
from services.assessments.documents import Assessment, AssessmentKind
from services.assessments.repository import AssessmentRepository
from services.attempts.documents import Attempt, ClosedBy
from services.attempts.ground import own
from services.attempts.history_repository import HistoryRepository
from services.results.documents import AttemptResult, ResultState
from services.results.repository import ResultRepository
from services.results.schemas import ResultOut
from services.results.service import may_be_seen
from utils.decimals import Amount
from utils.paging import Keyset, PageOf, PageQuery
from utils.scope import Scope

SORTS: Final = {"started_at": "_id"}  # ids grow with time


class HistoryQuery(PageQuery):
    """``kind``: only practice, or only exams."""

    kind: AssessmentKind | None = None


class ScoreLine(BaseModel):
    """A score in short; ``score`` is null while some of it has to be marked."""

    state: ResultState
    score: Amount | None
    max_score: Amount
    percent: Amount | None


class Sat(BaseModel):
    """One attempt. ``result`` is null until the student may see it."""

    attempt_id: str
    test_id: str
    name: str
    kind: AssessmentKind
    module: str | None
    level: str | None
    number: int
    started_at: datetime
    submitted_at: datetime | None
    closed_by: ClosedBy | None
    result: ScoreLine | None

    @classmethod
    def of(cls, attempt: Attempt, test: Assessment | None, result: AttemptResult | None) -> Self:
        """Show an attempt."""
        seen = result if result is not None and may_be_seen(result) else None
        return cls(
            attempt_id=attempt.id,
            test_id=attempt.test_id,
            name=test.name if test else "",
            kind=AssessmentKind(attempt.kind),
            module=test.module if test else None,
            level=test.level if test else None,
            number=attempt.number,
            started_at=attempt.started_at,
            submitted_at=attempt.submitted_at,
            closed_by=attempt.closed_by,
            result=ScoreLine.model_validate(ResultOut.of(seen).model_dump(), extra="ignore")
            if seen
            else None,
        )


class StudentHistory:
    """Lists what somebody sat, in three reads a page."""

    def __init__(
        self, attempts: HistoryRepository, tests: AssessmentRepository, results: ResultRepository
    ) -> None:
        self._attempts, self._tests, self._results = attempts, tests, results

    def attempts(self, query: HistoryQuery, actor: Actor) -> PageOf[Sat]:
        """Return a page of the student's closed attempts, the newest first."""
        return self.of_student(own(actor), actor.id, query)

    def of_student(self, scope: Scope, student_id: str, query: HistoryQuery) -> PageOf[Sat]:
        """Return a page of a student's closed attempts; the scope is the student's own."""
        keyset = Keyset.of(query, SORTS, "-started_at")
        rows = self._attempts.list_rows(scope, student_id, query.kind, keyset)
        page = keyset.page(rows, Attempt.from_mongo)
        campus = Scope.campus(scope.campus_id or "")
        tests = self._tests.named(campus, {attempt.test_id for attempt in page.items})
        results = self._results.of_attempts(scope, [attempt.id for attempt in page.items])
        items = [Sat.of(one, tests.get(one.test_id), results.get(one.id)) for one in page.items]
        return PageOf(items=items, next_cursor=page.next_cursor)
