"""What a student sees first: what is ahead, how practice goes, what was sat lately."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel

from config.permissions import Permission
from models import Actor
from services.assessments.exams import ExamOut, ExamsOut, StudentExams
from services.attempts.ground import own
from services.dashboards.history import HistoryQuery, Sat, StudentHistory
from services.notifications.inbox import InboxService
from services.practice.progress import PracticeProgress
from services.practice.schemas import Passed, Progress
from utils.async_processor import AsyncProcessor
from utils.clock import Clock

DEADLINE: Final = 10.0
SHOWN: Final = 5


class ExamsAhead(BaseModel):
    """How many exams can be sat now and how many are to come; the next of both."""

    active: int
    upcoming: int
    items: list[ExamOut]

    @classmethod
    def over(cls, exams: ExamsOut) -> "ExamsAhead":
        """Shorten a student's lists."""
        items = [*exams.active, *exams.upcoming][:SHOWN]
        return cls(active=len(exams.active), upcoming=len(exams.upcoming), items=items)


class ModulePassed(Passed):
    module: str
    name: str


class PracticeInShort(Passed):
    """Practice over all modules, and by those that were tried."""

    modules: list[ModulePassed]

    @classmethod
    def over(cls, progress: Progress) -> "PracticeInShort":
        """Add up a student's progress."""
        rows = [ModulePassed.model_validate(one.model_dump(), extra="ignore") for one in progress.modules]
        return cls(
            passed=sum(row.passed for row in rows),
            total=sum(row.total for row in rows),
            attempts=sum(row.attempts for row in rows),
            modules=[row for row in rows if row.attempts],
        )


class StudentDashboard(BaseModel):
    """What is null is switched off. ``unread``: notifications, counted up to 1,000."""

    server_time: datetime
    exams: ExamsAhead | None
    practice: PracticeInShort | None
    recent: list[Sat] | None
    unread: int


@dataclass(frozen=True, slots=True)
class Parts:
    """What shows each part at length."""

    exams: StudentExams
    progress: PracticeProgress
    history: StudentHistory
    inbox: InboxService


class StudentDashboards:
    """Reads side by side what a student sees first, and nothing that is switched off."""

    def __init__(self, parts: Parts, processor: AsyncProcessor, clock: Clock) -> None:
        self._parts, self._processor, self._clock = parts, processor, clock

    def of(self, actor: Actor) -> StudentDashboard:
        """Return the dashboard of the student who asks."""
        own(actor)
        parts, query = self._parts, HistoryQuery(limit=SHOWN)
        wanted: dict[str, tuple[Permission, Callable[[], Any]]] = {
            "exams": (Permission.ATTEMPT_TAKE, lambda: ExamsAhead.over(parts.exams.of(actor))),
            "practice": (Permission.PROGRESS_READ, lambda: PracticeInShort.over(parts.progress.own(actor))),
            "recent": (Permission.HISTORY_READ, lambda: parts.history.attempts(query, actor).items),
        }
        reads = {name: read for name, (permission, read) in wanted.items() if actor.may(permission)}
        reads["unread"] = lambda: parts.inbox.unread(actor).unread
        found = self._processor.parallel(reads, DEADLINE)
        return StudentDashboard(
            server_time=self._clock.now(), **{name: found.get(name) for name in (*wanted, "unread")}
        )
