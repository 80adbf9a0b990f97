"""What can be wrong with practice."""

from utils.problems import Conflict, Forbidden


class NothingToLift(Conflict):
    """Nobody has locked or unlocked this for the student, so there is nothing to take back."""

    title = "There is nothing to lift"


class StepLocked(Forbidden):
    """This step of practice is not open to you yet. ``after`` names the step to pass first; where it is null
    an admin has locked this one."""

    title = "This step is not open yet"
