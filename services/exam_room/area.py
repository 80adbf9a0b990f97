"""The exam room put together: its classes fill no role that another could fill."""

from dataclasses import dataclass
from typing import Self

from services.accounts.area import AccountArea, Surroundings
from services.assessments.area import AssessmentArea
from services.attempts.grant_repository import GrantRepository
from services.attempts.grants import AttemptGrants
from services.attempts.reopen_repository import ReopenRepository
from services.attempts.standing_repository import StandingRepository
from services.campuses.repository import Places
from services.exam_room.carrying import Closer, OrderCarrying
from services.exam_room.ground import ExamGround
from services.exam_room.orders import ExamOrders
from services.exam_room.progress import ExamAnnouncer
from services.exam_room.rehearsal import Rehearsals
from services.exam_room.rehearsal_repository import RehearsalRepository
from services.exam_room.reopening import Reopening
from services.exam_room.repository import OrderRepository, TurnRepository
from services.exam_room.seats import ExamSeats
from services.exam_room.status import ExamRoom
from services.ports import ProgressFeed
from services.results.service import AttemptScoring
from services.students.area import StudentArea


@dataclass(frozen=True, slots=True)
class ExamRoomArea:
    """What the rest may use of the exam room."""

    room: ExamRoom
    orders: ExamOrders
    seats: ExamSeats
    carrying: OrderCarrying
    announcer: ExamAnnouncer
    rehearsals: Rehearsals

    @classmethod
    def over(
        cls,
        around: Surroundings,
        people: AccountArea,
        places: Places,
        students: StudentArea,
        tests: AssessmentArea,
        closer: Closer,
        scoring: AttemptScoring,
        feed: ProgressFeed,
    ) -> Self:
        """Return the area on one database."""
        store, attempts = around.store, GrantRepository(around.store)
        orders = OrderRepository(store)
        ground = ExamGround(tests.ground, students.roll, places)
        room = ExamRoom(ground, StandingRepository(store))
        grants = AttemptGrants(attempts, feed)
        reopening = Reopening(ReopenRepository(store), scoring, store, around.audit)
        return cls(
            room=room,
            orders=ExamOrders(ground, orders, around.engine),
            seats=ExamSeats(ground, attempts, students.unlocking, feed),
            carrying=OrderCarrying(orders, tests.stored, attempts, grants, closer, reopening, around.audit),
            announcer=ExamAnnouncer(room, tests.stored, TurnRepository(store), feed),
            rehearsals=Rehearsals(RehearsalRepository(store), people.links, store),
        )
