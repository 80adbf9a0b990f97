"""Students: one by one, and as lists."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from models import Actor
from services.accounts.documents import UserStatus
from services.accounts.names import IdentifierTaken
from services.accounts.service import AccountService
from services.campuses.lookup import PlaceLookup
from services.students.bulk import NewStudent, StudentBulk, StudentChange
from services.students.documents import Student, StudentStatus
from services.students.listing import SORTS, StudentFilter
from services.students.problems import StudentNotFound
from services.students.repository import StudentRepository
from services.students.schemas import StudentCreate, StudentOut, StudentQuery, StudentUpdate
from services.students.search import Search
from services.students.taken import FreeIdentifiers
from services.students.views import StudentViews
from utils.documents import new_id
from utils.identifiers import NotAllowed, identifier_forms, mobile_of, username_of
from utils.paging import Keyset, PageOf
from utils.problems import Invalid, Stale
from utils.scope import Scope
from utils.store import Row, Store

ACCOUNT_STATUS: Final = {
    StudentStatus.ACTIVE: UserStatus.ACTIVE,
    StudentStatus.DEACTIVATED: UserStatus.DEACTIVATED,
}


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What students need of other areas, and of their own: the rules that others share."""

    accounts: AccountService
    places: PlaceLookup
    free: FreeIdentifiers
    views: StudentViews


class StudentService:
    """Makes, shows and changes students."""

    def __init__(
        self,
        students: StudentRepository,
        store: Store,
        bulk: StudentBulk,
        neighbours: Neighbours,
        country: str,
    ) -> None:
        self._students, self._store, self._bulk, self._near = students, store, bulk, neighbours
        self._country = country

    def create(self, wanted: StudentCreate, actor: Actor) -> StudentOut:
        """Store a new student with an account that nobody can enter until its owner sets a password."""
        mobile, username = self._mobile(wanted.mobile_number), username_of(wanted.roll_number)

        def work() -> Student:
            batch = self._near.places.batch(actor, wanted.batch_id)
            new = NewStudent(
                id=new_id(),
                campus_id=batch.campus_id,
                batch_id=batch.id,
                course_ids=self._near.places.courses_of(actor, batch, wanted.course_ids),
                roll_number=wanted.roll_number,
                username=username,
                name=wanted.name,
                email=wanted.email,
                mobile_number=mobile,
            )
            forms = dict.fromkeys(identifier_forms(username, self._country), "roll_number")
            self._near.free.require(new.id, _with_mobile(mobile, forms), batch.campus_id, actor)
            return self._bulk.create_many(Scope.campus(batch.campus_id), [new], actor.id)[0]

        return self._told(work, actor)

    def get(self, student_id: str, actor: Actor) -> StudentOut:
        """Return a student; one whom the actor may not see does not exist."""
        return self._near.views.show(actor.scope, [self._found(student_id, actor)])[0]

    def list_students(self, query: StudentQuery, actor: Actor) -> PageOf[StudentOut]:
        """Return a page of students, in a constant number of queries."""
        keyset = Keyset.of(query, SORTS, "name")
        page = keyset.page(self._listed(query, keyset, actor), Student.from_mongo)
        return PageOf(items=self._near.views.show(actor.scope, page.items), next_cursor=page.next_cursor)

    def change(
        self, student_id: str, wanted: StudentUpdate, revision: int | None, actor: Actor
    ) -> StudentOut:
        """Change a student whom nobody else changed meanwhile."""
        given = wanted.model_dump(exclude_unset=True)
        if "mobile_number" in given:
            given["mobile_number"] = self._mobile(given["mobile_number"])

        def work() -> Student:
            student = self._found(student_id, actor)
            if revision is not None and student.revision != revision:
                raise Stale()
            fields = {name: value for name, value in given.items() if value != getattr(student, name)}
            if not fields:
                return student
            self._write(student, fields, actor)
            return self._found(student_id, actor)

        return self._told(work, actor)

    def _listed(self, query: StudentQuery, keyset: Keyset, actor: Actor) -> list[Row]:
        places, search = self._near.places, self._search(query.search)
        scope = places.narrowed(actor.scope, query.campus_id, query.batch_id, query.course_id)
        if scope is None:
            return []
        through = places.campus_ids(scope) if search is not None and scope.campus_id is None else ()
        wanted = StudentFilter(query.batch_id, query.status, search, tuple(through))
        return self._students.list_rows(scope, wanted, keyset)

    def _write(self, student: Student, fields: dict[str, Any], actor: Actor) -> None:
        forms = _with_mobile(fields.get("mobile_number"), {})
        self._near.free.require(student.id, forms, student.campus_id, actor)
        scope = Scope.campus(student.campus_id)
        self._bulk.change_many(scope, [StudentChange(student, fields)], actor.id)
        if "status" in fields:
            self._near.accounts.set_status(scope, student.id, ACCOUNT_STATUS[fields["status"]])

    def _told(self, work: Callable[[], Student], actor: Actor) -> StudentOut:
        """Run ``work`` in a transaction and show the student; an account's username is a roll number here."""
        try:
            student = self._store.atomically(work)
        except IdentifierTaken as taken:
            if taken.field == "username":
                raise IdentifierTaken(taken.account_id, "roll_number") from None
            raise
        return self._near.views.show(actor.scope, [student])[0]

    def _search(self, text: str | None) -> Search | None:
        if text is None:
            return None
        search = Search.of(text, self._country)
        if search is None:
            raise Invalid.field("search", "holds no letter or digit to look for")
        return search

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


def _with_mobile(mobile_number: str | None, forms: dict[str, str]) -> dict[str, str]:
    """Return the forms (form to field) and that of a mobile number; a roll number comes first."""
    return ({mobile_number.removeprefix("+"): "mobile_number"} if mobile_number else {}) | forms
