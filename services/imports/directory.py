"""What roster imports ask of the other areas."""

from collections.abc import Mapping, Sequence

from services.accounts.service import AccountService
from services.campuses.lookup import PlaceLookup
from services.imports.documents import RosterImport
from services.students.documents import Student
from services.students.repository import StudentRepository
from services.students.taken import TakenElsewhere
from utils.scope import Scope


class RosterDirectory:
    """Answers ``preview.Directory``."""

    def __init__(
        self,
        accounts: AccountService,
        students: StudentRepository,
        places: PlaceLookup,
        taken: TakenElsewhere,
    ) -> None:
        self._accounts, self._students, self._places, self._taken = accounts, students, places, taken

    def owners(self, forms: Sequence[str]) -> Mapping[str, str]:
        """Return the owner of each identifier that is taken, anywhere."""
        return self._accounts.taken(forms)

    def students(self, scope: Scope, ids: Sequence[str]) -> Mapping[str, Student]:
        """Return those of these people who are students of the scope."""
        return {student.id: student for student in self._students.find_many(scope, ids)}

    def groups(self, roster: RosterImport) -> Mapping[str, str]:
        """Return the names and codes of the courses that rows may name, with their ids."""
        courses = self._places.courses(roster.campus_id, roster.course_ids)
        codes = {course.code: course.id for course in courses}
        return codes | {course.name: course.id for course in courses if course.name not in codes}

    def may_tell_taken(self, roster: RosterImport, rows: int) -> bool:
        """Note that ``rows`` identifiers were told as taken elsewhere; False if that is too many."""
        return self._taken.may_tell(roster.campus_id, roster.created_by, rows)
