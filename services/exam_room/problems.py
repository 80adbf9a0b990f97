"""What can be wrong in the exam room."""

from utils.problems import Conflict, NotFound


class ExamNotRunning(Conflict):
    """The test is a draft or practice: there is no exam to be looked after."""

    title = "No exam is going on here"


class NobodySits(NotFound):
    """The student does not sit this test now: has not begun, has submitted, or is none of its audience."""

    title = "The student does not sit this test"
