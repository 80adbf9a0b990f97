"""What can be wrong with practice."""

from utils.problems import Conflict, Forbidden


class NothingToLift(Conflict):
    """Nobody has locked or unlocked this for the student, so there is nothing to take back."""

    title = "There is nothing to lift"


class StepLocked(Forbidden):
    """This step of practice is not open to you yet. ``after`` names the step to pass first; where it is null
    an admin has locked this one."""

    title = "This step is not open yet"


class NoFeedbackNow(Conflict):
    """Nothing is told during this attempt: it is an exam, or practice that tells at its end or not at all."""

    title = "This test tells nothing while it is sat"


class NothingToCheck(Conflict):
    """Nothing is saved in this slot. Save an answer first: checking makes it final."""

    title = "There is no answer to check"
