"""What scores and waiting answers say of one person."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.ports import Person
from services.results.documents import MARKING_TASKS, TEST_RESULTS, AttemptResult
from utils.scope import Scope
from utils.store import Store


class PersonalResults:
    """Answers for scores and for what waits to be marked."""

    collections = frozenset({TEST_RESULTS, MARKING_TASKS})

    def __init__(self, store: Store) -> None:
        self._results, self._tasks = store.rows(TEST_RESULTS), store.rows(MARKING_TASKS)

    def of_person(self, scope: Scope, person: Person) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return the released scores and those of practice, and the answers, without what is still secret."""
        own = {"student_id": person.id}
        seen = {**own, "$or": [{"kind": "practice"}, {"released_at": {"$ne": None}}]}
        answers = {"test_id": 1, "slot": 1, "child": 1, "response": 1, "created_at": 1}
        return {
            TEST_RESULTS: [
                AttemptResult.from_mongo(row).model_dump(mode="json", by_alias=True)
                for row in self._results.find(scope, seen)
            ],
            MARKING_TASKS: self._tasks.find(scope, own, answers),
        }

    def anonymise(self, scope: Scope, person: Person) -> None:
        """Leave the scores, which name nobody; what somebody wrote or said may, and is gone."""
        self._tasks.update_many(scope, {"student_id": person.id}, {"$set": {"response": {}}})
