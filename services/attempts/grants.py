"""Time that is given to those who sit a test, and what they are told of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pydantic import BaseModel

from services.attempts.grant_repository import GrantRepository, Moved, Sitters
from services.notifications.inbox import own_room
from services.ports import ProgressFeed
from utils.scope import Scope

DEADLINE_EVENT: Final = "attempt:deadline"


class AttemptDeadline(BaseModel):
    """Payload of ``attempt:deadline``: a hint. The next acknowledgement says the same."""

    attempt_id: str
    deadline: datetime


class AttemptGrants:
    """Moves the deadlines of many attempts at once. Whatever it does may be done again and is done once."""

    def __init__(self, attempts: GrantRepository, feed: ProgressFeed) -> None:
        self._attempts, self._feed = attempts, feed

    def grant(self, scope: Scope, sitters: Sitters, order_id: str, at: datetime, seconds: int) -> int:
        """Give so much time to each who began by ``at``; return how many have it of this order now."""
        self._attempts.grant(scope, sitters, order_id, at, seconds)
        return self.tell(scope, sitters.test_id, order_id)

    def give_back(self, scope: Scope, sitters: Sitters, order_id: str, at: datetime, most: int) -> int:
        """Give each what gaps have cost, at most so many seconds; return how many have some of this order."""
        self._attempts.give_back(scope, sitters, order_id, at, most)
        return self.tell(scope, sitters.test_id, order_id)

    def retime(
        self, scope: Scope, test_id: str, duration_seconds: int, window_end_at: datetime | None
    ) -> None:
        """Let a duration and the end of a window hold for everybody who sits a test."""
        self._tell(self._attempts.retime(scope, test_id, duration_seconds, window_end_at))

    def tell(self, scope: Scope, test_id: str, order_id: str) -> int:
        """Tell those who have time of an order when they end now; return how many they are."""
        given = self._attempts.given(scope, test_id, order_id)
        self._tell(given)
        return len(given)

    def _tell(self, moved: Sequence[Moved]) -> None:
        for one in moved:
            said = AttemptDeadline(attempt_id=one.attempt_id, deadline=one.deadline_at)
            self._feed.publish(own_room(one.student_id), DEADLINE_EVENT, said)
