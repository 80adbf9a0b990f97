"""What attempts that run need to hear of a test that was changed."""

from typing import Protocol

from models import Actor
from services.assessments.documents import Assessment


class Retiming(Protocol):
    """Answers for the attempts, which come after the tests."""

    def retimed(self, test: Assessment, actor: Actor) -> None:
        """Move the deadlines of running attempts to the window and duration that the test has now.

        Called in the transaction of the change.
        """
