"""The stage of a rehearsal: a campus with students and an exam that are nobody's, built and struck again."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from commands.accounts import OPERATIONS
from services.assessments.documents import AssessmentKind
from services.assessments.schemas import AssessmentCreate
from services.campuses.schemas import BatchCreate, CampusCreate, CourseCreate
from services.exam_room.documents import Rehearsal
from services.exam_room.rehearsal import PREFIX
from services.questions.schemas import QuestionCreate
from services.registry import Services
from services.students.schemas import StudentCreate, StudentQuery
from utils.batch_processor import chunked
from utils.documents import new_id
from utils.problems import NotFound

PAGE: Final = 200
AT_ONCE: Final = 500
OPTIONS: Final = [{"id": name, "text": f"Option {name}"} for name in "abcd"]
PLACE: Final = {"module": "GRAMMAR", "level": "BEGINNER"}


class Stage:
    """Builds and strikes through the same services as the routes, as the operations of the server."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._made = Rehearsal(begun_at=datetime.now(UTC))

    @property
    def test_id(self) -> str:
        """The exam."""
        return self._made.test_id or ""

    def build(self, students: int, questions: int, minutes: int) -> dict[str, str]:
        """Make everything; return a token to set a password by the username of each student."""
        services, code = self._services, f"{PREFIX}{new_id()[-8:]}"
        place = CampusCreate(name=f"Rehearsal {code}", code=code, timezone="UTC")
        self._made = Rehearsal(
            id=services.campuses.create(place, OPERATIONS).id, begun_at=self._made.begun_at
        )
        self._note()
        campus_id = self._made.id
        course = CourseCreate(campus_id=campus_id, name="Rehearsal", code=code)
        course_id = self._note(course_id=services.courses.create(course, OPERATIONS).id).course_id or ""
        batch = BatchCreate(campus_id=campus_id, name="Rehearsal", course_ids=(course_id,))
        batch_id = self._note(batch_id=services.batches.create(batch, OPERATIONS).id).batch_id or ""
        self._exam(questions, minutes)
        names = {}
        for number in range(students):
            wanted = StudentCreate(
                name=f"Rehearsal {number + 1}",
                roll_number=f"{code}-{number + 1}",
                batch_id=batch_id,
                course_ids=(course_id,),
            )
            made = services.students.create(wanted, OPERATIONS)
            names[made.id] = made.username
        tokens = services.rehearsals.tokens(self._made, list(names))
        return {names[student_id]: token for student_id, token in tokens.items()}

    def strike_all(self) -> int:
        """Remove what this and earlier rehearsals have left; return how many there were."""
        left = self._services.rehearsals.left_behind()
        for rehearsal in left:
            self._strike(rehearsal)
        return len(left)

    def _exam(self, questions: int, minutes: int) -> None:
        services, campus_id = self._services, self._made.id
        for number in range(questions):
            asked = {"type": "single", "stem": f"Rehearsal, question {number + 1}?", "campus_id": campus_id}
            whole = {**asked, **PLACE, "body": {"options": OPTIONS}, "key": {"option": "b"}}
            made = services.questions.create(QuestionCreate.model_validate(whole), OPERATIONS)
            self._note(question_ids=(*self._made.question_ids, made.id))
        now = datetime.now(UTC)
        slots = [{"question_id": question_id} for question_id in self._made.question_ids]
        wanted = {
            "name": "Rehearsal",
            "kind": AssessmentKind.ONLINE,
            "campus_id": campus_id,
            "window_start_at": now - timedelta(minutes=1),
            "window_end_at": now + timedelta(minutes=minutes),
            "duration_minutes": minutes,
            "attempts_allowed": 1,
            "sections": [{"title": "Rehearsal", "slots": slots}],
            "shuffle_questions": True,
            "shuffle_options": True,
        }
        made_test = services.assessments.create(AssessmentCreate.model_validate(wanted), OPERATIONS)
        self._note(test_id=made_test.id)
        services.assessment_publishing.publish(made_test.id, None, OPERATIONS)

    def _note(self, **made: Any) -> Rehearsal:
        """Remember what was made: whatever dies, the next rehearsal strikes it."""
        self._made = self._made.model_copy(update=made)
        self._services.rehearsals.note(self._made)
        return self._made

    def _strike(self, rehearsal: Rehearsal) -> None:
        services = self._services
        services.rehearsals.clear(rehearsal)
        for question_id in rehearsal.question_ids:
            with suppress(NotFound):
                services.questions.remove(question_id, OPERATIONS)
        if rehearsal.batch_id is not None:
            for some in chunked(self._students(rehearsal.batch_id), AT_ONCE):
                services.student_removal.remove_many(some, OPERATIONS)
            with suppress(NotFound):
                services.batches.remove(rehearsal.batch_id, OPERATIONS)
        if rehearsal.course_id is not None:
            with suppress(NotFound):
                services.courses.remove(rehearsal.course_id, OPERATIONS)
        with suppress(NotFound):
            services.campuses.remove(rehearsal.id, OPERATIONS)
        services.rehearsals.forget(rehearsal)

    def _students(self, batch_id: str) -> list[str]:
        found: list[str] = []
        cursor = None
        while True:
            query = StudentQuery(batch_id=batch_id, limit=PAGE, cursor=cursor)
            page = self._services.students.list_students(query, OPERATIONS)
            found += [student.id for student in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return found
