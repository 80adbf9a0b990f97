"""Reminders that fall due by themselves: a day and an hour before an exam opens, and while it is open."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

from pymongo.errors import PyMongoError

from services.assessments.documents import Assessment
from services.assessments.ground import AssessmentGround
from services.assessments.messages import current
from services.assessments.telling import ExamMessages
from utils.scope import Scope

logger = logging.getLogger(__name__)

REMIND_SECONDS: Final = 5.0
CHUNK: Final = 50
SYSTEM: Final = "system"
BEFORE: Final = (timedelta(hours=24), timedelta(hours=1))
WHILE_OPEN: Final = (timedelta(hours=6), timedelta(hours=12), timedelta(hours=24))
THEN_EVERY: Final = timedelta(hours=6)


def next_reminder(test: Assessment, after: datetime) -> datetime | None:
    """Return when the first reminder of a published test after a time is due; None where there is none."""
    start, end = test.window_start_at, test.window_end_at
    if start is None or end is None or not test.reminder_channels:
        return None
    in_time = takewhile(lambda at: at < end, _moments(start))
    return next((at for at in in_time if at > after), None)


def _moments(start: datetime) -> Iterator[datetime]:
    yield from (start - ahead for ahead in BEFORE)
    yield from (start + since for since in WHILE_OPEN)
    at = start + WHILE_OPEN[-1]
    while True:
        at += THEN_EVERY
        yield at


class ExamReminders:
    """Orders reminders, each once: its job is stored in the transaction that says when the next is due."""

    def __init__(self, ground: AssessmentGround, messages: ExamMessages) -> None:
        self._ground, self._messages = ground, messages

    def tick(self) -> int:
        """Order what is due, however late; return how many jobs that were."""
        return sum(self._tried(test) for test in self._ground.tests.reminders_due(CHUNK))

    def _tried(self, test: Assessment) -> bool:
        """Order one reminder; what cannot be ordered holds up no other, and is tried again."""
        try:
            return self._ground.store.atomically(lambda: self._remind(test))
        except PyMongoError:
            raise
        except Exception:
            logger.exception("nobody could be reminded of test %s", test.id)
            return False

    def _remind(self, due: Assessment) -> bool:
        scope = Scope.campus(due.campus_id)
        seen = self._ground.tests.find(scope, due.id)
        if seen is None or seen.test.next_reminder_at != due.next_reminder_at:
            return False  # another process was first, or its times were changed
        test = seen.test
        self._ground.tests.reminded(scope, test, next_reminder(test, seen.now))
        job = self._messages.remind(test) if current(seen) else None
        if job is None:
            return False
        target, begins = f"test:{test.id}", test.window_start_at
        self._ground.audit.record(
            "test.reminded",
            actor_id=SYSTEM,
            campus_id=test.campus_id,
            target=target,
            job=job.id,
            open=begins is not None and begins <= seen.now,
        )
        return True
