"""What people see first: counts of what lies in their scope."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from config.permissions import Role
from services.accounts.documents import UserStatus
from services.accounts.repository import PeopleTally
from services.batch_jobs.documents import BatchJobState, DeliveryState
from services.batch_jobs.repository import JobTally
from services.imports.documents import ImportState


class StudentCounts(BaseModel):
    """Students by the state of their account. ``first_logins``: how many have ever logged in."""

    total: int
    invited: int
    active: int
    deactivated: int
    first_logins: int

    @classmethod
    def of(cls, tallies: Iterable[PeopleTally]) -> Self:
        """Add up students."""
        students = [one for one in tallies if one.role is Role.STUDENT]
        by_status = {
            str(status): sum(one.people for one in students if one.status is status) for status in UserStatus
        }
        seen = sum(one.logged_in for one in students)
        return cls(total=sum(by_status.values()), first_logins=seen, **by_status)


class Lately(BaseModel):
    """What was begun since then: jobs and imports by state, and what became of the messages of the jobs."""

    since: datetime
    jobs: dict[BatchJobState, int]
    deliveries: dict[DeliveryState, int]
    imports: dict[ImportState, int]

    @classmethod
    def of(cls, since: datetime, jobs: Sequence[JobTally], imports: dict[ImportState, int]) -> Self:
        """Add up jobs and imports; states without any are 0."""
        by_state = {one.state: one.jobs for one in jobs}
        return cls(
            since=since,
            jobs={state: by_state.get(state, 0) for state in BatchJobState},
            deliveries={state: sum(one.deliveries[state] for one in jobs) for state in DeliveryState},
            imports={state: imports.get(state, 0) for state in ImportState},
        )


class CampusCounts(BaseModel):
    """One campus."""

    id: str
    name: str
    courses: int
    batches: int
    admins: int
    students: StudentCounts


class CourseCounts(BaseModel):
    """One course."""

    id: str
    name: str
    batches: int
    students: int


class Dashboard(BaseModel):
    """What every dashboard shows."""

    courses: int
    batches: int
    students: StudentCounts
    lately: Lately


class SuperadminDashboard(Dashboard):
    """The whole platform."""

    campuses: int
    admins: dict[Role, int]
    by_campus: list[CampusCounts] = Field(description="the first 200 campuses by name")


class CampusAdminDashboard(Dashboard):
    """One campus."""

    campus_id: str
    admins: dict[Role, int]
    by_course: list[CourseCounts] = Field(description="the first 200 courses by name")


class CourseAdminDashboard(Dashboard):
    """Some courses of one campus; who takes several of them counts once but for ``by_course``."""

    campus_id: str
    by_course: list[CourseCounts]


def admins_by_role(tallies: Iterable[PeopleTally]) -> dict[Role, int]:
    """Return how many there are of each role but students, whatever their status."""
    counts: dict[Role, int] = {role: 0 for role in Role if role is not Role.STUDENT}
    for one in tallies:
        if one.role in counts:
            counts[one.role] += one.people
    return counts
