"""What can be wrong with attempts."""

from utils.problems import Conflict, Forbidden, NotFound


class AttemptNotFound(NotFound):
    """No such attempt, or not one of yours."""

    title = "No such attempt"


class WindowNotOpen(Conflict):
    """The test has not begun or is over: ``opens_at`` and ``closes_at`` say when it can be started."""

    title = "The test is not open"


class AttemptsUsedUp(Conflict):
    """You have sat this test as often as you may. ``attempt_id`` is the last attempt."""

    title = "There is no attempt left"


class AttemptClosed(Conflict):
    """The attempt is submitted or its time is over: nothing is taken any more. ``stored`` is what counts."""

    title = "The attempt is closed"


class AttemptHeldElsewhere(Conflict):
    """The attempt goes on in another session. ``POST …/attempts/<attempt_id>/takeover`` brings it
    here; the other one is told and can save no more."""

    title = "The attempt is held by another session"


class SequenceReused(Conflict):
    """A ``seq`` was used for two different answers of a slot; ``stored`` names the slots and what is there.
    Everything else that you sent is stored. Send these again with a higher ``seq``."""

    title = "A sequence number was used twice"


class PlaysUsedUp(Conflict):
    """What this slot lets be heard was played as often as it may be: ``allowed`` times."""

    title = "There is no play left"


class NotReleased(Forbidden):
    """The results of this attempt are not released. You are told when they are."""

    title = "Not released yet"
