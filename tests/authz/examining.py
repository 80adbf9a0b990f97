"""Tests of the world: for each place one that is published and one that is planned."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.authz.world import Kind, World, word
from tests.cast import Person
from tests.exams import TESTS, plan_for
from tests.questions import QUESTIONS, SINGLE

PRACTICE: Final = {
    "kind": "practice",
    "module": "READING",
    "level": "BEGINNER",
    "attempts_allowed": None,
    "window_start_at": None,
    "window_end_at": None,
}


class Examiner:
    """Makes the tests of the world, as a superadmin."""

    def __init__(self, root: Person, world: World) -> None:
        self._root, self._world = root, world

    def examine(self, batches: Mapping[tuple[str, str], Sequence[str]]) -> None:
        """Give every place its tests."""
        for (campus, course), batch_ids in batches.items():
            self._examine(campus, course, batch_ids[0])

    def _examine(self, campus: str, course: str, batch_id: str) -> None:
        name, campus_id = word(campus, course), self._world.campus_ids[campus]
        question = SINGLE | {"stem": f"Who sat {campus}, {course}?", "campus_id": campus_id}
        of_place = {"campus_id": campus_id}
        spoken = QUESTIONS["spoken"] | of_place | {"stem": f"Say {campus}, {course}."}
        heard = QUESTIONS["listening_set"] | of_place | {"stem": f"Hear {campus}, {course}."}
        asked = [self._post("/question_bank/questions", one) for one in (question, spoken, heard)]
        courses = [self._world.course_ids[campus, one] for one in course]
        wanted = plan_for(campus_id, asked, name=f"Test {name}", course_ids=courses, batch_ids=[batch_id])
        published, draft = self._post(TESTS, wanted), self._post(TESTS, wanted)
        self._root.post(f"{TESTS}/{published}/publish", status=200)
        self._root.post(f"{TESTS}/{published}/notify", {"channels": ["email"]}, status=202)
        exercise = wanted | PRACTICE | {"name": f"Practice {name}"}
        self._root.post(f"{TESTS}/{self._post(TESTS, exercise)}/publish", status=200)
        self._world.stands(Kind.TEST, campus, course, published)
        self._world.stands(Kind.DRAFT_TEST, campus, course, draft)

    def _post(self, path: str, wanted: Any) -> str:
        return str(self._root.post(path, wanted)["id"])
