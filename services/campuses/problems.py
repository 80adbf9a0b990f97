"""What can be wrong with a place."""

from collections.abc import Mapping

from utils.problems import Conflict, Forbidden, NotFound


class CampusNotFound(NotFound):
    """No such campus, or not one of yours."""

    title = "No such campus"


class CourseNotFound(NotFound):
    """No such course, or not one of yours."""

    title = "No such course"


class BatchNotFound(NotFound):
    """No such batch, or not one of yours."""

    title = "No such batch"


class InstanceNotFound(NotFound):
    """No such batch-course instance, or not one of yours."""

    title = "No such batch-course instance"


class AlreadyInUse(Conflict):
    """Another one has this name or code; ``errors`` names the field. Choose a different one."""

    title = "It is already in use"

    @classmethod
    def of(cls, field: str, detail: str) -> "AlreadyInUse":
        """Return the problem for one field."""
        return cls(errors=[{"pointer": f"/{field}", "detail": detail}])


class StillInUse(Conflict):
    """Something depends on it; ``counts`` says what and how many. Remove or move that first."""

    title = "It is still in use"

    @classmethod
    def by(cls, counts: Mapping[str, int]) -> "StillInUse":
        """Return the problem with what depends on the row."""
        named = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        return cls(f"It is still used by {named}.", counts=dict(counts))


class NotOnlyYours(Forbidden):
    """It also belongs to courses that are not yours. Ask the campus's admin."""

    title = "It belongs to other courses too"
