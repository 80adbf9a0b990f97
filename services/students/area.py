"""The organisation and its students put together: their classes fill no role that another could fill."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from services.accounts.area import AccountArea, Surroundings
from services.campuses.batches import BatchService
from services.campuses.keeping import Ground
from services.campuses.lookup import PlaceLookup
from services.campuses.repository import Places
from services.campuses.service import CampusService, CourseService
from services.ports import Dependants
from services.students.accommodations import StudentAccommodations
from services.students.bulk import StudentBulk
from services.students.credentials import StudentCredentials
from services.students.departures import Departures
from services.students.dependants import StudentsDependOn
from services.students.removal import StudentRemoval
from services.students.repository import StudentRepository, TakenBudget
from services.students.second_factors import StudentSecondFactors
from services.students.service import Neighbours, StudentService
from services.students.taken import FreeIdentifiers, TakenElsewhere
from services.students.unlocking import StudentUnlocking
from services.students.views import StudentViews


@dataclass(frozen=True, slots=True)
class StudentArea:
    """What the rest may use of campuses, courses, batches and students."""

    campuses: CampusService
    courses: CourseService
    batches: BatchService
    students: StudentService
    removal: StudentRemoval
    credentials: StudentCredentials
    unlocking: StudentUnlocking
    accommodations: StudentAccommodations
    second_factors: StudentSecondFactors
    bulk: StudentBulk
    departures: Departures
    roll: StudentRepository
    taken: TakenElsewhere

    @classmethod
    def over(
        cls,
        around: Surroundings,
        people: AccountArea,
        places: Places,
        lookup: PlaceLookup,
        later: Sequence[Dependants] = (),
    ) -> Self:
        """Return the area on one database; ``later`` areas depend on places, too."""
        store, clock, audit, country = (
            around.store,
            around.clock,
            around.audit,
            around.settings.default_country,
        )
        roll = StudentRepository(store)
        taken = TakenElsewhere(TakenBudget(store), audit, clock)
        free = FreeIdentifiers(people.accounts, roll, taken)
        views = StudentViews(people.accounts, around.batch_jobs)
        bulk = StudentBulk(roll, people.accounts, lookup, audit, clock)
        ground = Ground(places, store, audit, clock, (people.dependants, StudentsDependOn(roll), *later))
        departures = Departures(roll, people.accounts, around.batch_jobs, audit)
        near = Neighbours(people.accounts, lookup, free, views)
        return cls(
            campuses=CampusService(ground, country),
            courses=CourseService(ground),
            batches=BatchService(ground),
            students=StudentService(roll, store, bulk, near, country),
            removal=StudentRemoval(roll, departures, store, ()),
            credentials=StudentCredentials(
                roll, store, lookup, people.links, around.batch_jobs, around.engine, audit
            ),
            unlocking=StudentUnlocking(roll, people.accounts, store, audit),
            accommodations=StudentAccommodations(roll, store, audit),
            second_factors=StudentSecondFactors(roll, people.accounts, audit, store),
            bulk=bulk,
            departures=departures,
            roll=roll,
            taken=taken,
        )
