"""What can be wrong with students."""

from utils.problems import Conflict, NotFound, TooMany


class StudentNotFound(NotFound):
    """No such student, or not one of yours."""

    title = "No such student"


class BatchIsEmpty(Conflict):
    """No active student of yours is in this batch. Add students first, or activate those who are there."""

    title = "The batch has no students whom you may reach"


class TooManyTaken(TooMany):
    """Too many roll numbers or mobile numbers that this campus tried within the hour are in use elsewhere."""

    title = "Too many numbers are in use elsewhere"
