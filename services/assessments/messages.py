"""The messages about a test: what each says, and whether it still has to leave when its turn comes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from services.assessments.documents import Assessment
from services.assessments.exams import Sittings
from services.assessments.phases import Phase, phase_of
from services.assessments.repository import AssessmentRepository, Seen
from services.batch_jobs.composing import message_of
from services.batch_jobs.documents import Delivery
from services.notifications.rendering import Renderer
from services.notifications.templates import TemplateSource
from services.ports import Message
from utils.scope import Scope

CURRENT: Final = (Phase.PUBLISHED, Phase.OPEN)
OVER: Final = "the test cannot be taken any more"
BEGUN: Final = "the test has been begun"
TIME: Final = "%-d %B %Y, %H:%M"


class ExamComposer:
    """Makes the message of a delivery; its ``params`` are those of ``params_of`` and the test's id.

    With ``only_not_begun`` it is a reminder, which nobody gets who has begun meanwhile.
    """

    def __init__(
        self, renderer: Renderer, tests: AssessmentRepository, sittings: Sittings, *, only_not_begun: bool
    ) -> None:
        self._renderer, self._tests, self._sittings = renderer, tests, sittings
        self._only_not_begun = only_not_begun

    def compose(self, delivery: Delivery, source: TemplateSource) -> Message:
        """Return the rendered message."""
        params = {**delivery.params, "name": delivery.name}
        return message_of(delivery, source, self._renderer.render_source(source, params))

    def renew(self, deliveries: Sequence[Delivery]) -> Mapping[str, str]:
        """Return why, by delivery, a message about a test has nothing to say any more."""
        reasons: dict[str, str] = {}
        places = {(one.campus_id or "", one.params["test_id"]) for one in deliveries}
        for campus_id, test_id in places:
            some = [one for one in deliveries if one.params["test_id"] == test_id]
            seen = self._tests.find(Scope.campus(campus_id), test_id)
            if seen is None or not current(seen):
                reasons |= {one.id: OVER for one in some}
            elif self._only_not_begun:
                begun = self._sittings.begun(campus_id, test_id, [one.recipient_id for one in some])
                reasons |= {one.id: BEGUN for one in some if one.recipient_id in begun}
        return reasons


def current(seen: Seen) -> bool:
    """Tell whether a test can be taken now or later."""
    return phase_of(seen.test, seen.now) in CURRENT


def params_of(test: Assessment, timezone: str) -> dict[str, str]:
    """Return what the messages about a test say of it, with times as they are on its campus."""
    return {
        "test_id": test.id,
        "test": test.name,
        "when": _when(test.window_start_at, test.window_end_at, timezone),
        "minutes": str(test.duration_minutes),
    }


def _when(start: datetime | None, end: datetime | None, timezone: str) -> str:
    if start is None or end is None:
        return "at any time"
    zone = ZoneInfo(timezone)
    return f"from {start.astimezone(zone):{TIME}} to {end.astimezone(zone):{TIME}} ({timezone})"
