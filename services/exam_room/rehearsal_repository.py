"""What a rehearsal leaves in collections of other areas, removed by the ids that it has used."""

from collections.abc import Sequence

from services.assessments.documents import TEST_PAPERS, TESTS
from services.attempts.documents import ATTEMPT_EVENTS, ATTEMPTS
from services.exam_room.documents import EXAM_ORDERS, REHEARSALS, Rehearsal
from services.questions.documents import QUESTIONS
from services.results.documents import TEST_RESULTS
from utils.scope import Scope
from utils.store import PLATFORM, Store


class RehearsalRepository:
    """The collection ``rehearsals``, and what each of them has put elsewhere."""

    def __init__(self, store: Store) -> None:
        self._rows = store.system(REHEARSALS)
        self._of_test = [store.rows(name) for name in (TEST_RESULTS, EXAM_ORDERS)]
        self._tests, self._papers = store.rows(TESTS), store.rows(TEST_PAPERS)
        self._attempts, self._events = store.rows(ATTEMPTS), store.rows(ATTEMPT_EVENTS)
        self._questions = store.rows(QUESTIONS)

    def put(self, rehearsal: Rehearsal) -> None:
        """Note what a rehearsal has made so far, before it goes on."""
        row = rehearsal.to_mongo()
        row_id = row.pop("_id")
        self._rows.update_one(PLATFORM, {"_id": row_id}, {"$set": row}, upsert=True)

    def left_behind(self) -> list[Rehearsal]:
        """Return the rehearsals whose traces are not removed."""
        return [Rehearsal.from_mongo(row) for row in self._rows.find(PLATFORM, {"_id": {"$gte": ""}})]

    def forget(self, rehearsal: Rehearsal) -> None:
        """Note that nothing is left of a rehearsal."""
        self._rows.delete_one(PLATFORM, {"_id": rehearsal.id})

    def remove_exam(self, scope: Scope, test_id: str) -> None:
        """Remove a test with its paper, its attempts and all that came of them."""
        attempts: Sequence[str] = [
            str(row["_id"]) for row in self._attempts.find(scope, {"test_id": test_id}, {"_id": 1})
        ]
        self._events.delete_many(scope, {"attempt_id": {"$in": list(attempts)}})
        for rows in (*self._of_test, self._attempts):
            rows.delete_many(scope, {"test_id": test_id})
        for rows in (self._papers, self._tests):
            rows.delete_many(scope, {"_id": test_id})

    def release_questions(self, scope: Scope, question_ids: Sequence[str]) -> None:
        """Let questions count as never used."""
        self._questions.update_many(scope, {"_id": {"$in": list(question_ids)}}, {"$set": {"usage_count": 0}})
