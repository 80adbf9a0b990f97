"""What can be wrong with tests."""

from collections.abc import Sequence

from utils.problems import Conflict, NotFound


class AssessmentNotFound(NotFound):
    """No such test, or not one of yours."""

    title = "No such test"


class AssessmentNotReady(Conflict):
    """The test cannot be published as it is; ``errors`` names each place and says what is missing there."""

    title = "The test cannot be published as it is"

    @classmethod
    def of(cls, faults: Sequence[tuple[str, str]]) -> "AssessmentNotReady":
        """Return the problem for some places, each with what is wrong there."""
        return cls(errors=[{"pointer": pointer, "detail": detail} for pointer, detail in faults])


class AssessmentIsNoDraft(Conflict):
    """The test was published, cancelled or archived: only a draft is published or removed. Clone it."""

    title = "The test is no draft"


class BlueprintIsFrozen(Conflict):
    """What a published test asks and how it is scored does not change; ``fields`` names what you sent of it.

    Its name, window, duration and number of attempts may change. Clone it for everything else.
    """

    title = "The test has been published"


class AssessmentIsOver(Conflict):
    """The test was cancelled or archived: it is not changed any more."""

    title = "The test is cancelled or archived"


class AssessmentStillRuns(Conflict):
    """The window of the test is not over, or somebody still sits it. Cancel the test first, or wait."""

    title = "The test is not over"


class AssessmentNotCurrent(Conflict):
    """Nobody is told of a test that is a draft, cancelled, archived or over. Publish it first."""

    title = "The test cannot be taken"


class NobodyToTell(Conflict):
    """No active student of yours is in the audience of the test, or everybody there has begun."""

    title = "The test has nobody to be told"
