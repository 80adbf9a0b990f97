"""Everything that answers for one person's data, put together: a new area with such data is added here."""

from collections.abc import Sequence
from typing import Final

from services.accounts.area import AccountArea, Surroundings
from services.batch_jobs.delivery_repository import DeliveryRepository
from services.batch_jobs.personal_repository import PersonalDeliveries
from services.imports.personal_repository import PersonalImports
from services.notifications.personal_repository import PersonalNotifications
from services.persons.service import PersonService
from services.ports import PersonalData
from services.students.area import StudentArea
from services.students.personal_repository import PersonalStudents

__all__: Final = ["person_service"]


def person_service(
    around: Surroundings, people: AccountArea, students: StudentArea, later: Sequence[PersonalData] = ()
) -> PersonService:
    """Return what exports and anonymises people. Who finds rows by others' rows comes before those.

    ``later`` answer for areas that come after this one.
    """
    store = around.store
    areas = (
        *later,
        PersonalImports(store, students.roll),
        PersonalDeliveries(store, DeliveryRepository(store)),
        PersonalNotifications(store),
        PersonalStudents(store),
        people.personal,
    )
    return PersonService(
        areas, people.personal, people.users, students.roll, store, around.audit, around.clock
    )
