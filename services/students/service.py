"""Students: one by one, and as lists."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from models import Actor
from services.accounts.documents import User, UserStatus
from services.accounts.names import IdentifierTaken
from services.accounts.service import AccountService
from services.audit.service import AuditService
from services.batch_jobs.service import BatchJobService
from services.campuses.lookup import PlaceLookup
from services.campuses.problems import NotOnlyYours, StillInUse
from services.ports import Dependants
from services.students.bulk import NewStudent, StudentBulk, StudentChange
from services.students.documents import Student, StudentStatus
from services.students.repository import StudentRepository
from services.students.schemas import (
    AccountState,
    BulkDeleteOut,
    BulkOutcome,
    LastDelivery,
    StudentCreate,
    StudentOut,
    StudentQuery,
    StudentUpdate,
)
from services.students.taken import TakenElsewhere
from utils.documents import new_id
from utils.identifiers import NotAllowed, mobile_of, search_term, username_of
from utils.paging import Keyset, PageOf
from utils.problems import Invalid, NotFound, Problem, Stale, TooMany
from utils.scope import Scope
from utils.store import Store

T = TypeVar("T")
SORTS: Final = {"name": "name_key", "roll_number": "roll_number", "created_at": "created_at"}
NARROWING: Final = {"roll_number": ("campus_id", "batch_id"), "created_at": ("campus_id",)}


class StudentNotFound(NotFound):
    """No such student, or not one of yours."""

    title = "No such student"


class TooManyTaken(TooMany):
    """Too many roll numbers or mobile numbers that this campus tried within the hour are in use elsewhere."""

    title = "Too many numbers are in use elsewhere"


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The other areas that students need."""

    accounts: AccountService
    batch_jobs: BatchJobService
    places: PlaceLookup
    audit: AuditService


class StudentService:
    """Makes, shows, changes and removes students."""

    def __init__(
        self,
        students: StudentRepository,
        store: Store,
        bulk: StudentBulk,
        neighbours: Neighbours,
        taken: TakenElsewhere,
        country: str,
        dependants: Sequence[Dependants] = (),
    ) -> None:
        self._students, self._store, self._bulk, self._near = students, store, bulk, neighbours
        self._taken, self._country, self._dependants = taken, country, dependants

    def create(self, wanted: StudentCreate, actor: Actor) -> StudentOut:
        """Store a new student with an account that nobody can enter until its owner sets a password."""
        mobile = self._mobile(wanted.mobile_number)

        def work() -> Student:
            batch = self._near.places.batch(actor, wanted.batch_id)
            courses = self._near.places.courses_of(actor, batch, wanted.course_ids)
            new = NewStudent(
                id=new_id(),
                campus_id=batch.campus_id,
                batch_id=batch.id,
                course_ids=courses,
                roll_number=wanted.roll_number,
                username=username_of(wanted.roll_number),
                name=wanted.name,
                email=wanted.email,
                mobile_number=mobile,
            )
            return self._bulk.create_many(Scope.campus(batch.campus_id), [new], actor.id)[0]

        return self._shown([self._told(work, wanted.batch_id, actor)], actor)[0]

    def get(self, student_id: str, actor: Actor) -> StudentOut:
        """Return a student; one whom the actor may not see does not exist."""
        return self._shown([self._found(student_id, actor)], actor)[0]

    def list_students(self, query: StudentQuery, actor: Actor) -> PageOf[StudentOut]:
        """Return a page of students, in a constant number of queries."""
        keyset = Keyset.of(query, SORTS, "name")
        filters = _filters(query)
        allowed = NARROWING.get(keyset.sort.removeprefix("-"))
        if allowed is not None and not set(filters) <= set(allowed):
            raise Invalid.field("sort", f"with this filter must be name; {keyset.sort} goes with {allowed}")
        page = keyset.page(self._students.list_rows(actor.scope, filters, keyset), Student.from_mongo)
        return PageOf(items=self._shown(page.items, actor), next_cursor=page.next_cursor)

    def change(
        self, student_id: str, wanted: StudentUpdate, revision: int | None, actor: Actor
    ) -> StudentOut:
        """Change a student whom nobody else changed meanwhile."""
        fields = wanted.model_dump(exclude_unset=True)
        if fields.get("mobile_number") is not None:
            fields["mobile_number"] = self._mobile(fields["mobile_number"])

        def work() -> Student:
            student = self._found(student_id, actor)
            if revision is not None and student.revision != revision:
                raise Stale()
            scope = Scope.campus(student.campus_id)
            self._bulk.change_many(scope, [StudentChange(student, fields)], actor.id)
            if "status" in fields and fields["status"] != student.status:
                self._switch(scope, student, fields["status"])
            return self._found(student_id, actor)

        return self._shown([self._told(work, None, actor)], actor)[0]

    def remove(self, student_id: str, actor: Actor) -> None:
        """Remove a student on whom nothing depends, and the account."""

        def work() -> None:
            student = self._found(student_id, actor)
            within = actor.scope.course_ids
            if within is not None and not set(student.course_ids) <= set(within):
                raise NotOnlyYours()
            self._refuse_while_used(student)
            scope = Scope.campus(student.campus_id)
            self._near.accounts.remove_many(scope, [student.id])
            self._students.remove(actor.scope, student.id)
            target = f"student:{student.id}"
            self._near.audit.record(
                "student.removed", actor_id=actor.id, campus_id=student.campus_id, target=target
            )

        self._store.atomically(work)

    def remove_many(self, student_ids: Sequence[str], actor: Actor) -> BulkDeleteOut:
        """Remove students one by one; say of each whether it is gone, and why not."""
        return BulkDeleteOut(items=[self._removed(each, actor) for each in dict.fromkeys(student_ids)])

    def _removed(self, student_id: str, actor: Actor) -> BulkOutcome:
        try:
            self.remove(student_id, actor)
        except Problem as problem:
            return BulkOutcome(id=student_id, deleted=False, reason=problem.detail or problem.title)
        return BulkOutcome(id=student_id, deleted=True)

    def _switch(self, scope: Scope, student: Student, status: StudentStatus) -> None:
        """Let the student's account in or out: back in as far as it had come."""
        account = self._near.accounts.get(scope, student.id)
        back = UserStatus.ACTIVE if account.password_hash else UserStatus.INVITED
        wanted = UserStatus.DEACTIVATED if status is StudentStatus.DEACTIVATED else back
        self._near.accounts.set_status(scope, student.id, wanted)

    def _told(self, work: Callable[[], T], batch_id: str | None, actor: Actor) -> T:
        """Run ``work``; that an identifier is taken is told under its public name, as often as is allowed."""
        try:
            return self._store.atomically(work)
        except IdentifierTaken as taken:
            campus_id = actor.campus_id or (
                self._near.places.batch(actor, batch_id).campus_id if batch_id else ""
            )
            if campus_id and not self._taken.may_tell(campus_id, actor.id):
                raise TooManyTaken(retry_after=3600) from None
            if taken.field == "username":
                raise IdentifierTaken(taken.account_id, "roll_number") from None
            raise

    def _refuse_while_used(self, student: Student) -> None:
        counts: dict[str, int] = {}
        for provider in self._dependants:
            counts |= provider.counts("student", student.id, student.campus_id)
        if used := {name: count for name, count in counts.items() if count}:
            raise StillInUse.by(used)

    def _mobile(self, text: str | None) -> str | None:
        try:
            return mobile_of(text, self._country) if text is not None else None
        except NotAllowed as error:
            raise Invalid.field("mobile_number", str(error)) from None

    def _found(self, student_id: str, actor: Actor) -> Student:
        student = self._students.find(actor.scope, student_id)
        if student is None:
            raise StudentNotFound()
        return student

    def _shown(self, students: Sequence[Student], actor: Actor) -> list[StudentOut]:
        ids = [student.id for student in students]
        people = self._near.accounts.people(actor.scope, ids)
        deliveries = self._near.batch_jobs.latest(ids, actor.scope)
        return [
            _out(student, people.get(student.id), deliveries.get(student.id, {}), actor.scope.course_ids)
            for student in students
        ]


def _out(
    student: Student, user: User | None, delivery: Mapping[Any, Any], within: tuple[str, ...] | None
) -> StudentOut:
    copied = set(StudentOut.model_fields) - {"account", "delivery", "course_ids"}
    return StudentOut(
        **{name: getattr(student, name) for name in copied},
        course_ids=[c for c in student.course_ids if within is None or c in within],
        account=AccountState(
            activated=user is not None and user.password_hash is not None,
            first_login_at=user.first_login_at if user else None,
            last_login_at=user.last_login_at if user else None,
        ),
        delivery=LastDelivery(**{str(channel): state for channel, state in delivery.items()}),
    )


def _filters(query: StudentQuery) -> dict[str, Any]:
    """Return the filter of a list; every word of the search has to begin a word of the student's."""
    named = {"campus_id": query.campus_id, "batch_id": query.batch_id, "course_ids": query.course_id}
    filters: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if query.status is not None:
        filters["status"] = query.status
    terms = search_term(query.search) if query.search else []
    if query.search and not terms:
        raise Invalid.field("search", "holds no letter or digit to look for")
    if terms:
        filters["terms"] = terms[0] if len(terms) == 1 else {"$all": terms}
    return filters
