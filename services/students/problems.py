"""What can be wrong with students."""

from utils.problems import Conflict, NotFound, TooMany


class StudentNotFound(NotFound):
    """No such student, or not one of yours."""

    title = "No such student"


class BatchIsEmpty(Conflict):
    """No active student of yours is in this batch. Add students first, or activate those who are there."""

    title = "The batch has no students whom you may reach"


class RecipientsNotConfirmed(Conflict):
    """So many people are not written to by accident: repeat the request with ``confirm_recipients``, which is
    the number in ``recipients``: your active students in the batch. A wrong one is told the right one."""

    title = "More than 500 people have to be confirmed"


class TooManyTaken(TooMany):
    """Too many roll numbers or mobile numbers that this campus tried within the hour are in use elsewhere."""

    title = "Too many numbers are in use elsewhere"
